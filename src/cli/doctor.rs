//! `ibid doctor`

use ibid::ops::Workspace;

use super::failure::Stop;
use super::output::Output;
use super::table::aligned;

pub(super) fn run(workspace: &Workspace, output: Output) -> Result<(), Stop> {
    let diagnosis = workspace.diagnose();
    output.value(&diagnosis)?;
    let rows = diagnosis.findings.iter();
    let mark = |is_well: bool| if is_well { "ok" } else { "BAD" }.to_owned();
    let rows: Vec<_> =
        rows.map(|f| vec![mark(f.is_well), f.what.clone(), f.text.clone()]).collect();
    for line in aligned(&rows) {
        output.line(line)?;
    }
    match diagnosis.exit_code() {
        0 => Ok(()),
        code => Err(Stop::Child(code)),
    }
}
