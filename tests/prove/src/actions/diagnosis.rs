//! A diagnosis of what stands on the real API server: what it says of it, and what it never does.

use serde_json::json;

use super::{Checked, Rig, so};

/// What must never be seen.
const PLANTED: &str = "planted-hunter2";

/// Turns red where `console/src/diagnosis/redact.rs` does not know a variable by its name (`says_secret` is never so): its value
/// is told. And where `gather.rs` takes pods by their labels, or reads a kind by a path that no API server has.
pub(super) async fn tells(rig: &Rig) -> Checked<String> {
    let name = "diagnose";
    let change = json!({"template": {"spec": {"containers": [{
        "name": "app", "image": rig.image(name, None).await?,
        "env": [{"name": "LOG_LEVEL", "value": "debug"}, {"name": "DB_PASSWORD", "value": PLANTED}]}]}}});
    let thing = rig.workload("Deployment", name, &change).await?;
    let pods = rig.pods(name).await?;
    let operator = rig.operator()?;
    let mut said = operator.diagnoses(&thing).await?.ends(0)?;
    for words in [
        "# Diagnosis of `Deployment diagnose/diagnose`",
        "condition `Available` is `True`",
        "variable `LOG_LEVEL` = `debug`",
        "variable `DB_PASSWORD` = (hidden)",
        "## Logs",
    ] {
        said = said.says(words)?;
    }
    for pod in &pods {
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        said = said.says(&format!("- `{name}` on `"))?;
    }
    let whole = said.whole();
    so("no password may be told", !whole.contains(PLANTED), &whole)?;
    let heard = rig.heard(name)?;
    let ours = heard.iter().filter(|one| one.manager == "landfall").count();
    so("nothing may be sent", ours == 0, format!("{heard:?}"))?;
    Ok(format!("{} pods are told of", pods.len()))
}
