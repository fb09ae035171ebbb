--| What the linear layer of a fine-tuned model begins as: drawn as PyTorch draws it, or the classifier of the class prompts
--| (their embeddings times the model's logit scale, bias 0). A template has {} where the class name goes.
< Random
| ZeroShot : { templates : List Text }
>
