//! Paths in a repository, and what kustomize takes them for. Pure.

/// The names of a kustomization file.
pub(crate) const KUSTOMIZATIONS: [&str; 3] =
    ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// The kustomization file among a folder's names.
pub(crate) fn kustomization(folder: &str, names: &[String]) -> Option<String> {
    KUSTOMIZATIONS
        .iter()
        .find(|name| names.iter().any(|known| known == **name))
        .map(|name| joined(folder, name))
}

/// Whether kustomize would fetch it from elsewhere.
pub(crate) fn is_remote(entry: &str) -> bool {
    let first = entry.split('/').next().unwrap_or_default();
    entry.contains("://")
        || entry.contains("?ref=")
        || entry.starts_with("git@")
        || entry.starts_with("git::")
        || (first.contains('.')
            && !first.starts_with('.')
            && entry.contains('/')
            && entry.contains("//"))
        || entry.starts_with("github.com/")
        || entry.starts_with("gitlab.com/")
}

/// A name in a folder.
pub(crate) fn joined(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

/// A path from a folder; `None` if it leaves the repository.
pub(crate) fn relative(folder: &str, entry: &str) -> Option<String> {
    let mut parts = folder
        .split('/')
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>();
    for part in entry.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// A path without `./`, doubled or trailing slashes.
pub(crate) fn normal(path: &str) -> String {
    relative("", path).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_and_never_leave_the_repository() {
        assert_eq!(normal("./apps//prod/"), "apps/prod");
        assert_eq!(normal("."), "");
        assert_eq!(
            relative("apps/prod", "../base").as_deref(),
            Some("apps/base")
        );
        assert_eq!(relative("apps", "../.."), None);
        assert_eq!(joined("", "a"), "a");
    }

    #[test]
    fn remote_bases_are_told_from_folders() {
        for remote in [
            "https://github.com/far/base?ref=v1",
            "github.com/far/base",
            "git@github.com:far/base.git",
            "example.com/far//base",
            "./near?ref=x",
        ] {
            assert!(is_remote(remote), "{remote}");
        }
        for near in ["../base", "base", "v1.2/base", "deployment.yaml"] {
            assert!(!is_remote(near), "{near}");
        }
    }
}
