//! What operations show of their work while somebody listens: the eye of `bisect`.
//!
//! An operation calls [`see`] with each tensor at the moment it is made, before anything overwrites it, and those above
//! it say by [`chunk`] and [`operation`] where in a step that is. Without a listener on the thread all three read one
//! flag and return; a training never has one, so that only a step executed for `bisect` pays for it.

use std::cell::{Cell, RefCell};

/// Where in a step something was made.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The gradient chunk, if it belongs to one.
    pub chunk: Option<usize>,
    /// The operation: `image block 2, forward`.
    pub operation: String,
}

/// What was made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Values<'a> {
    /// A tensor.
    Binary32(&'a [f32]),
    /// Numbers of the specification, and what is computed in binary64.
    Binary64(&'a [f64]),
    /// Places and counts.
    Whole(&'a [u64]),
}

/// One thing that was made, while it is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// Where.
    pub place: &'a Place,
    /// The name of the tensor within its operation.
    pub tensor: &'a str,
    /// Its dimensions, outermost first.
    pub shape: &'a [usize],
    /// Its elements in row-major order.
    pub values: Values<'a>,
}

type Listener = Box<dyn FnMut(Shown<'_>)>;

thread_local! {
    static LISTENING: Cell<bool> = const { Cell::new(false) };
    static LISTENER: RefCell<Option<Listener>> = const { RefCell::new(None) };
    static PLACE: RefCell<Place> = const { RefCell::new(Place { chunk: None, operation: String::new() }) };
}

/// Does `work` while `listener` is shown what operations on this thread make.
pub fn listen<R>(listener: Listener, work: impl FnOnce() -> R) -> R {
    /// Ends the listening however the work ends.
    struct Ended;
    impl Drop for Ended {
        fn drop(&mut self) {
            LISTENING.set(false);
            LISTENER.take();
        }
    }
    LISTENER.replace(Some(listener));
    PLACE.take();
    LISTENING.set(true);
    let _ended = Ended;
    work()
}

/// Whether anybody listens on this thread.
#[inline]
pub fn is_listening() -> bool {
    LISTENING.get()
}

/// Whether places must be kept: somebody listens, or a planted fault waits for its place.
#[inline]
fn keeps_places() -> bool {
    #[cfg(feature = "faults")]
    if super::faults::waits() {
        return true;
    }
    is_listening()
}

/// What follows belongs to that chunk, or to none.
#[inline]
pub fn chunk(index: Option<usize>) {
    if keeps_places() {
        PLACE.with_borrow_mut(|place| place.chunk = index);
    }
}

/// What follows is made by the operation of that name.
#[inline]
pub fn operation(name: impl FnOnce() -> String) {
    if keeps_places() {
        PLACE.with_borrow_mut(|place| place.operation = name());
    }
}

/// The place of what is made now.
#[cfg(feature = "faults")]
pub(super) fn place() -> Place {
    PLACE.with_borrow(Clone::clone)
}

/// Shows a tensor.
#[inline]
pub fn see<const N: usize>(tensor: &str, shape: [usize; N], elements: &[f32]) {
    if is_listening() {
        show(tensor, &shape, Values::Binary32(elements));
    }
}

/// Shows a list of other numbers.
#[inline]
pub fn see_numbers(name: &str, values: Values<'_>) {
    if is_listening() {
        let len = match values {
            Values::Binary32(values) => values.len(),
            Values::Binary64(values) => values.len(),
            Values::Whole(values) => values.len(),
        };
        show(name, &[len], values);
    }
}

/// Shows values of any shape.
#[cold]
pub fn show(tensor: &str, shape: &[usize], values: Values<'_>) {
    PLACE.with_borrow(|place| {
        LISTENER.with_borrow_mut(|listener| {
            if let Some(listener) = listener {
                listener(Shown { place, tensor, shape, values });
            }
        });
    });
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    #[test]
    fn what_is_made_is_seen_while_somebody_listens() {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let to = Rc::clone(&seen);
        see("before", [1], &[0.0]);
        listen(
            Box::new(move |shown| {
                let (place, tensor) = (shown.place.clone(), shown.tensor.to_owned());
                to.borrow_mut().push((place.chunk, place.operation, tensor, shown.shape.to_vec()));
            }),
            || {
                chunk(Some(3));
                operation(|| "stem".to_owned());
                see("tokens", [1, 2], &[1.0, 2.0]);
                chunk(None);
                see_numbers("rate", Values::Binary64(&[0.5]));
            },
        );
        see("after", [1], &[0.0]);
        operation(|| unreachable!("nobody listens"));
        let stem = || "stem".to_owned();
        let expected = [
            (Some(3), stem(), "tokens".to_owned(), vec![1, 2]),
            (None, stem(), "rate".to_owned(), vec![1]),
        ];
        assert_eq!(*seen.borrow(), expected);
    }

    #[test]
    fn a_panic_ends_the_listening() {
        let work = || listen(Box::new(|_| {}), || panic!("on purpose"));
        assert!(std::panic::catch_unwind(work).is_err());
        assert!(!is_listening());
    }
}
