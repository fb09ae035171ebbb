--| The arithmetic of a training: binary32, or mixed with a 16-bit format.
< Float32
| AmpFloat16
| AmpBfloat16
>
