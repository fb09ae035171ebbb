--| The weight decay of a linear probe.
--|
--| Fixed: stated; 0.0 is the protocol of arXiv:2212.07143. Validated: the candidate with the largest accuracy on a part
--| of the training samples that is set aside first (of each class of n samples n · validationPercent div 100, drawn by the
--| stream "validation split"); of equals the first.
< Fixed : Double
| Validated : { candidates : List Double, validationPercent : Natural }
>
