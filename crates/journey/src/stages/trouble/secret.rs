//! The Secret that a container misses, followed to what should write it.
//!
//! Owns the reading of the kubelet's words for a missing Secret. Secrets themselves are never read.

use facts::meta::{Condition, Kind, Status, condition};
use facts::others::ExternalSecret;

use crate::view::{Learned, Place};

/// The ExternalSecret that should write the Secret which a message misses, and its own failure.
pub fn writer<'a>(
    place: Place<'a>,
    namespace: &str,
    message: &str,
) -> Learned<Option<(&'a ExternalSecret, &'a Condition)>> {
    let Some(missing) = missing(message) else {
        return Ok(None);
    };
    place.whole(Kind::ExternalSecret, namespace)?;
    let failing = place
        .external_secrets()
        .filter(|one| one.meta.namespace == namespace && one.secret == missing)
        .find_map(|one| {
            let ready = condition(&one.conditions, "Ready")?;
            (ready.status == Status::False).then_some((one, ready))
        });
    Ok(failing)
}

/// The name of the Secret in the kubelet's words: `secret "database" not found`, `couldn't find key password in Secret
/// shop/database`.
fn missing(message: &str) -> Option<&str> {
    if let Some((_, rest)) = message.split_once("secret \"") {
        return rest.split_once('"').map(|(name, _)| name);
    }
    let (_, rest) = message.split_once("in Secret ")?;
    let place = rest.split([' ', ',']).next()?;
    place.rsplit('/').next().filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::missing;

    #[test]
    fn the_kubelets_words_name_the_secret() {
        for (message, name) in [
            (r#"secret "database" not found"#, Some("database")),
            (
                r#"MountVolume.SetUp failed for volume "db" : secret "database" not found"#,
                Some("database"),
            ),
            (
                "couldn't find key password in Secret shop/database",
                Some("database"),
            ),
            (r#"configmap "settings" not found"#, None),
        ] {
            assert_eq!(missing(message), name, "{message}");
        }
    }
}
