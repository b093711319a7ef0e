//! The nine stages, each in a file of its own: what it looks at, when it is behind us, and why it is not.
//!
//! Owns what all of them share: the case they look into, and the one journey's nine outcomes.

pub mod apply;
pub mod automation;
pub mod build;
pub mod canary;
pub mod commit;
pub mod ecs;
pub mod helm;
pub mod image;
pub mod pods;
pub mod release;
pub mod rollout;
pub mod serving;
pub mod source;
pub mod trouble;

use api::ObjectRef;

use crate::discover::{Target, Targets};
use crate::evidence;
use crate::view::View;

/// One commit on its way to one target.
pub struct Case<'v, 'a> {
    /// The facts.
    pub view: &'v View<'a>,
    /// Where to.
    pub target: &'v Target<'a>,
    /// Every target there is, this one included.
    pub all: &'v Targets<'a>,
    /// The key of the commit's repository.
    pub key: &'v str,
    /// The commit's full SHA.
    pub commit: &'v str,
    /// The branch that releases here.
    pub branch: Branch<'v>,
}

/// Which branch a commit has to be on.
#[derive(Clone, Copy)]
pub enum Branch<'v> {
    /// The one that the repository releases from: the commit is of an app's source.
    Releasing,
    /// The one that Flux follows: the commit is of the GitOps repository itself.
    Followed(&'v str),
}

impl<'a> Case<'_, 'a> {
    /// The workload.
    pub fn workload(&self) -> ObjectRef {
        evidence::workload(self.target.place, self.target.workload)
    }

    /// Whether the commit is of the GitOps repository itself: it has no image.
    pub fn is_configuration(&self) -> bool {
        matches!(self.branch, Branch::Followed(_))
    }

    /// The other targets that are built from the same repository into the same image.
    pub fn siblings(&self) -> impl Iterator<Item = Target<'a>> {
        let own = self.target.identity();
        self.all
            .of_image(&self.target.image.repository)
            .filter(move |other| other.identity() != own)
    }
}
