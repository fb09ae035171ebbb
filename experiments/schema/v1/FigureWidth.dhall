--| The width a figure is printed at: one column of a journal, 84 mm, or two, 174 mm.
< OneColumn | TwoColumns >
