--| Short words for the steps of tables.
let schema = ../schema/v1/package.dhall

let map =
      λ(a : Type) →
      λ(b : Type) →
      λ(f : a → b) →
      λ(list : List a) →
        List/fold a list (List b) (λ(item : a) → λ(rest : List b) → [ f item ] # rest) ([] : List b)

let concatMap =
      λ(a : Type) →
      λ(b : Type) →
      λ(f : a → List b) →
      λ(list : List a) →
        List/fold a list (List b) (λ(item : a) → λ(rest : List b) → f item # rest) ([] : List b)

let column = schema.Operand.Column

let number = schema.Operand.Number

let derive =
      λ(name : Text) → λ(value : schema.Derivation) → schema.Step.Derive schema.Derived::{ name, value }

let keep =
      λ(name : Text) → λ(oneOf : List Text) → schema.Step.Keep schema.Keep::{ column = name, oneOf }

let drop =
      λ(name : Text) → λ(oneOf : List Text) → schema.Step.Drop schema.Keep::{ column = name, oneOf }

let oneMinus =
      λ(name : Text) →
      λ(of : Text) →
        derive name (schema.Derivation.Difference { minuend = number 1.0, subtrahend = column of })

let product =
      λ(name : Text) →
      λ(a : Text) →
      λ(b : Text) →
        derive name (schema.Derivation.Product [ column a, column b ])

let quotient =
      λ(name : Text) →
      λ(a : Text) →
      λ(b : Text) →
        derive name (schema.Derivation.Quotient { numerator = column a, denominator = column b })

let case = λ(text : Text) → λ(gives : Text) → schema.Case::{ text, gives }

let choice =
      λ(name : Text) →
      λ(of : Text) →
      λ(cases : List schema.Case.Type) →
      λ(otherwise : Optional Text) →
        derive name (schema.Derivation.Choice { column = of, cases, otherwise })

let named = λ(name : Text) → λ(of : Text) → schema.Selected::{ column = of, name }

let same = λ(name : Text) → schema.Selected::{ column = name, name }

let select = λ(names : List Text) → schema.Step.Select (map Text schema.Selected.Type same names)

let by =
      λ(name : Text) → λ(order : schema.SortOrder) → schema.SortKey::{ column = name, order }

let maximum =
      λ(name : Text) → schema.Aggregated::{ name, column = name, how = schema.Aggregation.Maximum }

let atMaximum =
      λ(of : Text) →
      λ(name : Text) →
        schema.Aggregated::{ name, column = name, how = schema.Aggregation.AtMaximum of }

let percent =
      λ(decimals : Natural) →
      λ(name : Text) →
        schema.PrintedColumn::{ column = name, format = schema.NumberFormat.Percent decimals }

let decimals =
      λ(count : Natural) →
      λ(name : Text) →
        schema.PrintedColumn::{ column = name, format = schema.NumberFormat.Decimals count }

in  { map
    , concatMap
    , column
    , number
    , derive
    , keep
    , drop
    , oneMinus
    , product
    , quotient
    , case
    , choice
    , named
    , same
    , select
    , by
    , maximum
    , atMaximum
    , percent
    , decimals
    }
