--| Where bytes were published. For a data set it is the folder: the name of each file is appended. A pinned file
--| is the file itself. Any bytes with the pinned digest will do, wherever they come from.
< File : { path : Text }  -- below the workspace's folder `experiments`, without `..`
| Git : { url : Text, rev : Text, path : Text }  -- rev is a whole commit id
| Http : { url : Text }
| Bundled : { set : Text, version : Text }  -- built by the program from its own dependencies
>
