//! Images by digest, kept for ever: a digest never changes what it names.
//!
//! Owns the file `images.jsonl` in the cache, one image a line, to which every process appends. A line that was cut off
//! by a crash is passed over.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Mutex;

use facts::code::repository_key;
use facts::image::Image;

use super::image::Stored;
use crate::git::locked;

/// More images than this are not kept: the oldest half goes when the file is next opened. About 400 bytes each.
const MAX_IMAGES: usize = 20_000;

/// The images.
pub(crate) struct Shelf {
    file: PathBuf,
    images: Mutex<HashMap<(String, String), Image>>,
}

impl Shelf {
    /// Opens the shelf in a cache folder; what cannot be read is as if it were not there.
    pub(crate) fn open(cache: &std::path::Path) -> Self {
        let file = cache.join("images.jsonl");
        let text = fs::read_to_string(&file).unwrap_or_default();
        let mut lines = text.lines().collect::<Vec<_>>();
        if lines.len() > MAX_IMAGES {
            lines.drain(..lines.len() - MAX_IMAGES / 2);
            // Another process may append meanwhile: the worst is that an image is asked for once more.
            let new = cache.join("images.jsonl.new");
            let kept = lines.join("\n") + "\n";
            if fs::write(&new, kept).is_err() || fs::rename(&new, &file).is_err() {
                tracing::warn!(file = %file.display(), "cannot shorten the file of known images");
            }
        }
        let images = lines
            .into_iter()
            .filter_map(|line| serde_json::from_str::<Stored>(line).ok())
            .map(|stored| {
                let (repository, image) = stored.image();
                ((repository, image.digest.clone()), image)
            })
            .collect();
        Self {
            file,
            images: Mutex::new(images),
        }
    }

    /// A known image.
    pub(crate) fn get(&self, repository: &str, digest: &str) -> Option<Image> {
        let key = (repository.to_owned(), digest.to_owned());
        locked(&self.images).get(&key).cloned()
    }

    /// The source that all known builds of an image say, by image.
    pub(crate) fn sources(&self) -> BTreeMap<String, String> {
        let mut sources: BTreeMap<String, Option<String>> = BTreeMap::new();
        for ((repository, _), image) in locked(&self.images).iter() {
            let said = image.source.as_deref().map(repository_key);
            let known = sources
                .entry(repository.clone())
                .or_insert_with(|| said.clone());
            if *known != said {
                *known = None;
            }
        }
        let said = sources.into_iter();
        said.filter_map(|(image, source)| Some((image, source?)))
            .filter(|(_, source)| !source.is_empty())
            .collect()
    }

    /// Keeps an image, here and on disk.
    pub(crate) fn put(&self, repository: &str, image: &Image) {
        let mut images = locked(&self.images);
        if images.len() >= 2 * MAX_IMAGES {
            images.clear();
        }
        let key = (repository.to_owned(), image.digest.clone());
        if images.insert(key, image.clone()).is_some() {
            return;
        }
        let written = serde_json::to_string(&Stored::new(repository, image))
            .map_err(std::io::Error::from)
            .and_then(|line| {
                // One write of one line: processes that append at once do not mix their lines. The line's end comes
                // first, too, so that a line that a crash cut off spoils no other.
                File::options()
                    .create(true)
                    .append(true)
                    .open(&self.file)?
                    .write_all(format!("\n{line}\n").as_bytes())
            });
        if let Err(error) = written {
            tracing::warn!(file = %self.file.display(), %error, "cannot keep an image's labels");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_of_an_image_is_known_where_all_its_builds_say_the_same() {
        let cache = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(cache.path());
        let built = |digest: &str, source: Option<&str>| Image {
            source: source.map(str::to_owned),
            ..image(digest)
        };
        let checkout = Some("https://code.example/shop/checkout.git");
        for (repository, digest, source) in [
            ("one", "sha256:1", checkout),
            (
                "one",
                "sha256:2",
                Some("https://code.example/shop/checkout"),
            ),
            ("moved", "sha256:1", checkout),
            ("moved", "sha256:2", Some("https://code.example/shop/till")),
            ("silent", "sha256:1", None),
            ("now-and-then", "sha256:1", checkout),
            ("now-and-then", "sha256:2", None),
        ] {
            shelf.put(repository, &built(digest, source));
        }
        let known = [("one".to_owned(), "code.example/shop/checkout".to_owned())];
        assert_eq!(shelf.sources(), BTreeMap::from(known));
    }

    fn image(digest: &str) -> Image {
        Image {
            digest: digest.to_owned(),
            source: None,
            revision: Some("3f2c1ab".to_owned()),
            created: None,
            platforms: vec!["linux/amd64".to_owned()],
            children: Vec::new(),
        }
    }

    #[test]
    fn what_was_put_is_there_after_a_restart_and_a_cut_off_line_spoils_only_itself() {
        let cache = tempfile::tempdir().unwrap();
        Shelf::open(cache.path()).put("r/a", &image("sha256:1"));
        let file = cache.path().join("images.jsonl");
        let mut text = fs::read_to_string(&file).unwrap();
        text.push_str("{\"repository\":\"r/b\",\"dig");
        fs::write(&file, text).unwrap();
        let again = Shelf::open(cache.path());
        again.put("r/c", &image("sha256:3"));
        let third = Shelf::open(cache.path());
        assert_eq!(third.get("r/a", "sha256:1"), Some(image("sha256:1")));
        assert_eq!(third.get("r/c", "sha256:3"), Some(image("sha256:3")));
        assert_eq!(third.get("r/b", "sha256:1"), None);
    }
}
