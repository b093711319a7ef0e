//! Changing one value of a YAML file in place. Pure.
//!
//! Owns where the version of an image, a chart or a source is declared ([`places`]), and the change itself ([`edit`]): only
//! the value's own bytes differ afterwards, and what would change anything else is refused. Reads and writes no files.

mod site;
mod value;

use std::collections::BTreeMap;

use facts::code::{DeclaredChart, DeclaredImage};
use facts::image::canonical_repository;

use self::site::{Site, Style, sites, splice, the_one_difference};
use crate::declared::Written;

/// One value in a file, as it was when it was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, from the repository's root.
    pub file: String,
    /// The line that the value stands on, from 1.
    pub line: u32,
    /// Which of the file's documents, from 0.
    pub document: usize,
    /// The keys that lead to it.
    pub path: Vec<Step>,
    /// What it is.
    pub form: Form,
    /// What it says now, whole.
    pub value: String,
    /// The image policy of a `{"$imagepolicy": "namespace:name"}` marker beside it: the automation would change it back.
    pub marker: Option<String>,
}

/// One step to a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Below a key.
    Key(String),
    /// An item of a list, from 0.
    Item(usize),
    /// Into a block of text that is YAML itself, and which of its documents: a patch, or a ConfigMap's values.
    Text(usize),
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A tag alone; where it stands as `tag@digest`, both.
    Tag,
    /// A digest alone.
    Digest,
    /// An image with its tag, its digest or both; its name stays.
    Image,
    /// The version of a HelmRelease's chart.
    ChartVersion,
    /// `spec.ref.tag` of an `OCIRepository`.
    SourceTag,
    /// `spec.ref.digest` of an `OCIRepository`.
    SourceDigest,
    /// `spec.ref.semver` of an `OCIRepository`.
    SourceRange,
}

/// What a GitOps path declares, as [`crate::Forge::at_head`] reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// The images.
    pub images: Vec<DeclaredImage>,
    /// The charts.
    pub charts: Vec<DeclaredChart>,
    /// The references of `OCIRepository` objects.
    pub sources: Vec<DeclaredSource>,
    /// The first file that cannot be read, and why: there may be more places than are found.
    pub broken: Option<(String, String)>,
}

/// One reference of an `OCIRepository`; one that has a tag and a digest has two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredSource {
    /// The object's name.
    pub name: String,
    /// Its `spec.url`.
    pub url: String,
    /// Which of its references.
    pub form: Form,
    /// What it says.
    pub value: String,
    /// The file, from the repository's root.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
}

/// Whose version is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// An image's, by its repository with the registry written out.
    Image(String),
    /// Whatever an image policy's marker stands beside, as `namespace:name`.
    Policy(String),
    /// A HelmRelease's chart's, by the release's name.
    Chart(String),
    /// An `OCIRepository`'s, by its name.
    Source(String),
}

/// Why a value is not changed. The sentences name the file and the line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The new value is none.
    #[error("'{new}' is no {what}")]
    NoValue {
        /// What was given, tidied.
        new: String,
        /// What it should be.
        what: &'static str,
    },
    /// The value is not there any more.
    #[error(
        "{file} does not say '{value}' on line {line} any more: it has changed since it was looked at"
    )]
    Moved {
        /// The file.
        file: String,
        /// The line.
        line: u32,
        /// What stood there.
        value: String,
    },
    /// The value is put together elsewhere.
    #[error(
        "line {line} of {file} says '{value}', which is filled in from elsewhere: change it where it comes from"
    )]
    Template {
        /// The file.
        file: String,
        /// The line.
        line: u32,
        /// What stands there.
        value: String,
    },
    /// Another place uses the same text.
    #[error(
        "line {line} of {file} stands under an anchor that line {used} uses too: changing it would change both"
    )]
    Shared {
        /// The file.
        file: String,
        /// The line.
        line: u32,
        /// The line that uses it.
        used: u32,
    },
    /// The value stands in a block of text that cannot be changed in place.
    #[error(
        "line {line} of {file} stands in a block of text that is not changed in place: change it by hand"
    )]
    Block {
        /// The file.
        file: String,
        /// The line.
        line: u32,
    },
    /// The value is written with escapes, or over several lines.
    #[error(
        "the value on line {line} of {file} is written with escapes or over several lines: change it by hand"
    )]
    Folded {
        /// The file.
        file: String,
        /// The line.
        line: u32,
    },
    /// Several values on one line could be meant.
    #[error("line {line} of {file} has several values that could be meant: change it by hand")]
    Ambiguous {
        /// The file.
        file: String,
        /// The line.
        line: u32,
    },
    /// The file is not YAML.
    #[error("{file} cannot be read: line {line}: {problem}")]
    NotYaml {
        /// The file.
        file: String,
        /// The line on which reading ended.
        line: u32,
        /// What is wrong there.
        problem: String,
    },
    /// The file was not read.
    #[error("{file} was not read")]
    NoText {
        /// The file.
        file: String,
    },
    /// The edit found that it would do more than it should.
    #[error("changing line {line} of {file} would change more than that value: change it by hand")]
    More {
        /// The file.
        file: String,
        /// The line.
        line: u32,
    },
}

/// Where a version is declared, in the order of files and lines: all of them have to change together. `texts` are the files
/// that [`Declared`] names. None where nothing names it, or none with a version.
///
/// # Errors
/// One of the places cannot be told apart, or stands where nothing is changed in place.
pub fn places(
    declared: &Declared,
    texts: &BTreeMap<String, String>,
    wanted: &Wanted,
) -> Result<Vec<Place>, EditError> {
    let mut files = Files {
        texts,
        read: BTreeMap::new(),
    };
    let mut found: Vec<Place> = Vec::new();
    let mut add = |places: Vec<Place>| {
        for place in places {
            if !found.contains(&place) {
                found.push(place);
            }
        }
    };
    match wanted {
        Wanted::Image(_) | Wanted::Policy(_) => {
            let is_it = |image: &&DeclaredImage| match wanted {
                Wanted::Image(repository) => image.repository == *repository,
                Wanted::Policy(policy) => image.marker.as_ref() == Some(policy),
                _ => false,
            };
            for image in declared.images.iter().filter(is_it) {
                add(of_image(&mut files, image)?);
            }
        }
        Wanted::Chart(release) => {
            for chart in declared.charts.iter().filter(|one| one.release == *release) {
                let site = files.one(&chart.file, chart.line, |site| {
                    site.ends_with(&["version"]) && site.text == chart.version
                })?;
                add(vec![place(&chart.file, site, Form::ChartVersion, None)]);
            }
        }
        Wanted::Source(name) => {
            for source in declared.sources.iter().filter(|one| one.name == *name) {
                let key = match source.form {
                    Form::SourceDigest => "digest",
                    Form::SourceRange => "semver",
                    _ => "tag",
                };
                let site = files.one(&source.file, source.line, |site| {
                    site.ends_with(&[key]) && site.text == source.value
                })?;
                add(vec![place(&source.file, site, source.form, None)]);
            }
        }
    }
    found.sort_by(|a, b| (&a.file, a.line, &a.path).cmp(&(&b.file, b.line, &b.path)));
    Ok(found)
}

/// The places of one image: its tag and the digest beside it, or the image whole.
fn of_image(files: &mut Files<'_>, image: &DeclaredImage) -> Result<Vec<Place>, EditError> {
    if image.tag.is_none() && image.digest.is_none() {
        return Ok(Vec::new());
    }
    let form_of = |site: &Site| form(site, image);
    files.load(&image.file)?;
    let files = &*files;
    let sites = files.sites(&image.file);
    let on_line = |line: u32| sites.iter().filter(move |site| site.line == line);
    let mut fitting: Vec<(&Site, Form)> = on_line(image.line)
        .filter_map(|site| Some((site, form_of(site)?)))
        .collect();
    if fitting.len() > 1 {
        // Several in one line: the one whose neighbours name the image.
        fitting.retain(|(site, form)| *form == Form::Image || names(sites, site, image));
    }
    // `{newTag: v2, digest: sha256:…}` in one line is one image's.
    if let [(one, _), (other, _)] = fitting.as_slice()
        && one.parent() == other.parent()
        && one.document == other.document
    {
        fitting.truncate(1);
    }
    let (site, form) = match fitting.as_slice() {
        [one] => *one,
        [] => return Err(files.not_found(&image.file, image.line)),
        _ => {
            return Err(EditError::Ambiguous {
                file: image.file.clone(),
                line: image.line,
            });
        }
    };
    let mut found = vec![place(&image.file, site, form, image.marker.clone())];
    if form != Form::Image {
        // A digest beside a tag counts more than the tag, and the other way about: they change together.
        let beside = sites.iter().filter(|other| {
            other.document == site.document
                && other.parent() == site.parent()
                && other.path != site.path
        });
        for other in beside {
            if let Some(form) = form_of(other)
                && form != Form::Image
            {
                found.push(place(&image.file, other, form, None));
            }
        }
    }
    Ok(found)
}

/// What a value is to an image, if it is its version.
fn form(site: &Site, image: &DeclaredImage) -> Option<Form> {
    let (Some(Step::Key(key)), text) = (site.path.last(), site.text.as_str()) else {
        return None;
    };
    let is_tag = image.tag.as_deref().is_some_and(|tag| {
        text == tag
            || image
                .digest
                .as_deref()
                .is_some_and(|digest| text == format!("{tag}@{digest}"))
    });
    let is_digest = image.digest.as_deref() == Some(text);
    let is_image = || {
        let written = Written::parse(text);
        !written.name.is_empty() && written.tag == image.tag && written.digest == image.digest
    };
    match key.as_str() {
        "newTag" | "tag" | "imageTag" if is_tag => Some(Form::Tag),
        "digest" if is_digest => Some(Form::Digest),
        "image" if is_image() => Some(Form::Image),
        // A JSON patch's.
        "value" if is_tag => Some(Form::Tag),
        "value" if is_digest => Some(Form::Digest),
        "value" if is_image() => Some(Form::Image),
        _ => None,
    }
}

/// Whether what stands beside a value names the image.
fn names(sites: &[Site], site: &Site, image: &DeclaredImage) -> bool {
    let beside = |key: &str| {
        let found = sites.iter().find(|other| {
            other.document == site.document
                && other.parent() == site.parent()
                && other.path.last() == Some(&Step::Key(key.to_owned()))
        });
        found.map(|found| found.text.as_str())
    };
    let name = ["newName", "repository", "image", "name"]
        .into_iter()
        .find_map(beside);
    let Some(name) = name else { return false };
    let name = match beside("registry") {
        Some(registry) => format!("{}/{name}", registry.trim_end_matches('/')),
        None => name.to_owned(),
    };
    canonical_repository(&name) == image.repository
}

fn place(file: &str, site: &Site, form: Form, marker: Option<String>) -> Place {
    Place {
        file: file.to_owned(),
        line: site.line,
        document: site.document,
        path: site.path.clone(),
        form,
        value: site.text.clone(),
        marker,
    }
}

/// The files, each taken apart once.
struct Files<'a> {
    texts: &'a BTreeMap<String, String>,
    read: BTreeMap<String, Vec<Site>>,
}

impl Files<'_> {
    fn load(&mut self, file: &str) -> Result<(), EditError> {
        if !self.read.contains_key(file) {
            let text = self.texts.get(file).ok_or_else(|| EditError::NoText {
                file: file.to_owned(),
            })?;
            self.read.insert(file.to_owned(), sites(file, text)?);
        }
        Ok(())
    }

    /// The values of a file that is loaded.
    fn sites(&self, file: &str) -> &[Site] {
        self.read.get(file).map_or(&[], Vec::as_slice)
    }

    /// The one value on a line that fits.
    fn one(
        &mut self,
        file: &str,
        line: u32,
        fits: impl Fn(&Site) -> bool,
    ) -> Result<&Site, EditError> {
        self.load(file)?;
        let all = self.sites(file).iter();
        let mut fitting = all.filter(|one| one.line == line && fits(one));
        match (fitting.next(), fitting.next()) {
            (Some(site), None) => Ok(site),
            (None, _) => Err(self.not_found(file, line)),
            (Some(_), Some(_)) => Err(EditError::Ambiguous {
                file: file.to_owned(),
                line,
            }),
        }
    }

    /// Why nothing that fits stands on a line on which something is declared.
    fn not_found(&self, file: &str, line: u32) -> EditError {
        let in_block = self.sites(file).iter().any(|site| site.is_block_over(line));
        let file = file.to_owned();
        match in_block {
            true => EditError::Block { file, line },
            false => EditError::Folded { file, line },
        }
    }
}

/// The text with one value changed. An image keeps its name: `new` is its tag, its digest or `tag@digest`. What is that
/// value already comes back as it was.
///
/// # Errors
/// It is no such value, the place is not what it was, or changing it would change something else.
pub fn edit(text: &str, place: &Place, new: &str) -> Result<String, EditError> {
    let new = value::whole(place, new)?;
    let (file, line) = (place.file.clone(), place.line);
    let all = sites(&file, text)?;
    let found = all.iter().find(|site| {
        site.document == place.document
            && site.path == place.path
            && site.line == place.line
            && site.text == place.value
    });
    let Some(site) = found else {
        return Err(EditError::Moved {
            file,
            line,
            value: place.value.clone(),
        });
    };
    if ["${", "{{", "$("]
        .iter()
        .any(|sign| site.text.contains(sign))
    {
        return Err(EditError::Template {
            file,
            line,
            value: site.text.clone(),
        });
    }
    if let Some(used) = site.shared {
        return Err(EditError::Shared { file, line, used });
    }
    if new == site.text {
        return Ok(text.to_owned());
    }
    let token = match site.style {
        Style::Plain if value::is_plainly_text(&new) => new.clone(),
        Style::Plain | Style::Double => format!("\"{new}\""),
        Style::Single => format!("'{new}'"),
        Style::Block => return Err(EditError::Block { file, line }),
    };
    let after = splice(text, site, &token).ok_or_else(|| EditError::Folded {
        file: file.clone(),
        line,
    })?;
    // What was meant to change one value is believed only when reading both says so.
    if the_one_difference(text, &after) != Some((site.text.clone(), new)) {
        return Err(EditError::More { file, line });
    }
    Ok(after)
}

#[cfg(test)]
mod tests;
