--| How far a number may be from the published one: |c − p| ≤ t, or |c − p| ≤ t·|p|.
< Absolute : Double
| Relative : Double
>
