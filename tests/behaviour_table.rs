//! What other tools of the field get wrong, row by row: what is executed, found and served after a small change.

use std::fs;

use crate::support::{PACKAGE, SMOKE, Workspace, flip};

const OUT: &str = "out/pictogram-scaling-laws/smoke";

fn touch(path: &std::path::Path) {
    fs::File::open(path).unwrap().set_modified(std::time::SystemTime::now()).unwrap();
}

/// Executions of a run that must succeed with the locked bits.
fn executed(workspace: &Workspace) -> u64 {
    let ran = workspace.ok(&["reproduce", SMOKE]);
    assert_eq!(ran.verdict("same bits as lockfile"), 6, "{}", ran.stdout);
    ran.verdict("executed")
}

#[test]
fn small_changes_execute_nothing() {
    let workspace = Workspace::with_smoke();
    let figure = workspace.read(&format!("{OUT}/figure.svg"));
    let text = workspace.read(PACKAGE);
    let exported = || workspace.read(&format!("{OUT}/figure.svg"));

    // An input is touched, with the same bytes: the experiment's files, the pinned files, the results.
    for file in workspace.store_files() {
        touch(&workspace.path(&file));
    }
    for file in fs::read_dir(workspace.path(PACKAGE).parent().unwrap()).unwrap() {
        touch(&file.unwrap().path());
    }
    assert_eq!(executed(&workspace), 0, "touched");

    // Comment and layout of the specification.
    let moved = text.replace("let smoke =", "{- a comment -}\nlet\n  smoke  =");
    assert_ne!(moved, text);
    workspace.write(PACKAGE, &moved);
    assert_eq!(executed(&workspace), 0, "comment and layout");

    // A change that is put back.
    workspace.write(PACKAGE, &text.replace("One short training on pictograms", "A short training"));
    assert_eq!(workspace.ok(&["reproduce", SMOKE]).verdict("executed"), 1, "the title is drawn");
    workspace.write(PACKAGE, &text);
    assert_eq!(executed(&workspace), 0, "put back");

    // An output is deleted, changed, or changed with its old time: written again from the store.
    let path = workspace.path(&format!("{OUT}/figure.svg"));
    fs::remove_file(&path).unwrap();
    assert_eq!((executed(&workspace), exported()), (0, figure.clone()), "deleted");
    fs::write(&path, "<svg/>").unwrap();
    assert_eq!((executed(&workspace), exported()), (0, figure.clone()), "changed");
    flip(&path, 1_000);
    assert_eq!(
        (executed(&workspace), exported()),
        (0, figure.clone()),
        "changed with its old time"
    );
}

#[test]
fn a_stored_output_that_was_tampered_with_is_found_and_made_again() {
    let workspace = Workspace::with_smoke();
    let figure = workspace.read(&format!("{OUT}/figure.svg"));
    let stored = workspace.store_files().into_iter().find(|file| {
        file.starts_with(".ibid/cas")
            && fs::read(workspace.path(file)).unwrap() == figure.as_bytes()
    });
    let stored = workspace.path(&stored.unwrap());
    for found_first_by_fsck in [false, true] {
        flip(&stored, 999);
        if found_first_by_fsck {
            assert_eq!(workspace.run(&["store", "fsck"]).code, Some(4));
        }
        assert_eq!(executed(&workspace), 1);
        assert_eq!(workspace.read(&format!("{OUT}/figure.svg")), figure);
        assert_eq!(workspace.run(&["store", "fsck"]).code, Some(0));
    }
    // Deleted from the store: what is needed of it is made again, and no more.
    fs::remove_file(&stored).unwrap();
    assert_eq!(executed(&workspace), 1);
}
