//! The floating-point control state of a thread: to nearest, subnormals kept, exceptions masked.

#![allow(unsafe_code, reason = "the control register is read and written by instructions")]

/// The control register of a thread is not what the definitions need, and could not be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the floating-point control register is {0:#x} and cannot be set to the default")]
pub struct ControlError(pub u64);

/// Sets the control state of this thread and reads it back. Each worker calls it at its start, and again after a
/// foreign library was loaded.
pub fn set_control_state() -> Result<(), ControlError> {
    #[cfg(target_arch = "x86_64")]
    {
        /// All exceptions masked, to nearest, neither flush-to-zero nor denormals-are-zero.
        const DEFAULT: u32 = 0x1F80;
        /// Exceptions that happened: not a setting.
        const FLAGS: u32 = 0x3F;
        let mut state = DEFAULT;
        // SAFETY: both instructions access the four bytes of `state`; the state set is Rust's own default.
        unsafe {
            std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const state, options(nostack, readonly));
            std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut state, options(nostack));
        }
        if state & !FLAGS != DEFAULT {
            return Err(ControlError(u64::from(state)));
        }
    }
    #[cfg(target_arch = "aarch64")]
    {
        let mut state: u64 = 0;
        // SAFETY: the register is readable and writable in user mode; zero is Rust's own default.
        unsafe {
            std::arch::asm!("msr fpcr, {}", in(reg) state, options(nomem, nostack));
            std::arch::asm!("mrs {}, fpcr", out(reg) state, options(nomem, nostack));
        }
        if state != 0 {
            return Err(ControlError(state));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn flush_to_zero_is_switched_off() {
        let flushing: u32 = 0x9FC0;
        // SAFETY: reads four bytes; only this thread flushes, until the call below.
        unsafe {
            std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const flushing, options(nostack, readonly));
        };
        set_control_state().unwrap();
        let smallest = std::hint::black_box(f32::from_bits(2));
        assert_eq!((smallest * std::hint::black_box(0.5)).to_bits(), 1);
    }
}
