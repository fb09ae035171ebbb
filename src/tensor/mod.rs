//! The candle boundary: devices, custom operations, safetensors.
