//! The folders that are somebody's or this machine's, and what is written in a bundle in the place of each.
//!
//! Owns which folders these are.

use std::cmp::Reverse;
use std::path::{Path, PathBuf};

use api::headline::plain;
use regex::Regex;

use crate::sources::{Sources, cache_folder, data_folder};

/// Where paths may lead that are in errors.
#[derive(Default)]
pub(super) struct Places(Vec<(Regex, String)>);

impl Places {
    /// Those that these sources name, and the platform's own.
    pub(super) fn of(sources: &Sources) -> Self {
        let parent = |file: &Option<PathBuf>| {
            file.as_deref()
                .and_then(Path::parent)
                .map(Path::to_path_buf)
        };
        let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
        let folders = [
            (parent(&sources.kubeconfig), "(kubeconfig)"),
            (parent(&sources.team), "(team)"),
            (parent(&sources.history), "(data)"),
            (sources.data.clone(), "(data)"),
            (data_folder(), "(data)"),
            (sources.cache.clone(), "(cache)"),
            (cache_folder().ok(), "(cache)"),
            (variable("HOME"), "~"),
            (variable("USERPROFILE"), "~"),
            (Some(std::env::temp_dir()), "(temp)"),
        ];
        let named = folders.into_iter();
        Self::new(named.filter_map(|(folder, left)| Some((folder?, left))))
    }

    /// These, what is in another one first. The root is nobody's, and what is not absolute could be any word.
    fn new(folders: impl Iterator<Item = (PathBuf, &'static str)>) -> Self {
        let mut folders: Vec<_> = folders
            .filter(|(folder, _)| folder.is_absolute() && folder.parent().is_some())
            // Without what stands after the last of its names.
            .map(|(folder, left)| (folder.components().collect::<PathBuf>(), left))
            .collect();
        folders.sort_by_key(|(folder, _)| Reverse(folder.components().count()));
        let patterns = folders.iter().filter_map(|(folder, left)| {
            let folder = regex::escape(&plain(&folder.to_string_lossy(), usize::MAX));
            let pattern = format!(r"(^|[^\w.%~-]){folder}($|[^\w-])");
            let pattern = Regex::new(&pattern).ok()?;
            Some((pattern, format!("${{1}}{left}${{2}}")))
        });
        Self(patterns.collect())
    }

    /// A text on one line without them.
    pub(super) fn left_out(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (folder, left) in &self.0 {
            if folder.is_match(&text) {
                text = folder.replace_all(&text, left.as_str()).into_owned();
            }
        }
        text
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_folder_is_left_out_and_nothing_that_only_looks_like_one() {
        let folders = [
            ("/srv/jo", "~"),
            ("/srv/jo/.cache/landfall/", "(cache)"),
            ("/tmp", "(temp)"),
            ("/", "(root)"),
            ("kube", "(kubeconfig)"),
        ];
        let folders = folders.into_iter();
        let places = Places::new(folders.map(|(folder, left)| (PathBuf::from(folder), left)));
        for (text, left) in [
            (
                "cannot make /srv/jo/.cache/landfall/git: /tmp is full",
                "cannot make (cache)/git: (temp) is full",
            ),
            ("file:///srv/jo/x and '/srv/jo'.", "file://~/x and '~'."),
            ("/srv/john and kube/x", "/srv/john and kube/x"),
            ("https://code.example/tmp/x", "https://code.example/tmp/x"),
        ] {
            assert_eq!(places.left_out(text), left);
        }
    }

    #[test]
    fn what_the_sources_name_is_known() {
        let places = Places::of(&Sources {
            kubeconfig: Some(PathBuf::from("/srv/clusters/config")),
            cache: Some(PathBuf::from("/srv/kept")),
            ..Sources::default()
        });
        assert_eq!(
            places.left_out("/srv/clusters/token, /srv/kept/git"),
            "(kubeconfig)/token, (cache)/git"
        );
    }
}
