//! The checks, by topic. Which there are, and what each proves, is in [`crate::table`].

pub(crate) mod access;
pub(crate) mod applying;
pub(crate) mod creating;
pub(crate) mod custom;
pub(crate) mod deleting;
pub(crate) mod discovery;
pub(crate) mod dry_run;
pub(crate) mod events;
pub(crate) mod finalizers;
pub(crate) mod forms;
pub(crate) mod listing;
pub(crate) mod managers;
pub(crate) mod pages;
pub(crate) mod parts;
pub(crate) mod patching;
pub(crate) mod pods;
pub(crate) mod refusals;
pub(crate) mod reviews;
pub(crate) mod selectors;
pub(crate) mod streaming;
pub(crate) mod updating;
pub(crate) mod validating;
pub(crate) mod watching;
