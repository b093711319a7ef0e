//! What can be taken away from the product: one permission, one API, one system.
//!
//! Owns what the product's edges say instead of what they would find, and by which words a reader must be told of it.

use facts::cluster::Scope;
use facts::{ClusterFacts, Coverage, Found, Kind, Reach, Read, Want};
use jiff::{SignedDuration, Timestamp};

/// One thing that is not to be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// All is there.
    Nothing,
    /// A kind may not be listed, or cannot be.
    Kind(Kind, Lack),
    /// A kind may be listed in these namespaces alone.
    Elsewhere(Kind, Vec<String>),
    /// The cluster never answered.
    Cluster(String),
    /// Everything of one Git repository: its history.
    Repository(String, Lack),
    /// Git itself, of every repository.
    Git(Lack),
    /// The code host's own API: CI runs and pull requests.
    HostApi(Lack),
    /// Git and the API.
    CodeHost(Lack),
    /// One image repository.
    Image(String, Lack),
    /// The whole registry.
    Registry(Lack),
}

/// In which way something is not to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// We may not.
    Denied,
    /// It answers with an error.
    Failed,
    /// It does not answer.
    Unreachable,
}

impl Lack {
    /// Those that may go away by themselves.
    pub const OTHERS: [Self; 2] = [Self::Failed, Self::Unreachable];

    fn coverage(self) -> Coverage {
        let message = "taken away".to_owned();
        match self {
            Self::Denied => Coverage::Denied { message },
            Self::Failed => Coverage::Failed { message },
            Self::Unreachable => Coverage::Unreachable { message },
        }
    }
}

impl Taken {
    /// The words of which one must be said where it made a difference.
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::Nothing => Vec::new(),
            Self::Kind(kind, _) | Self::Elsewhere(kind, _) => {
                vec![format!("{} objects", kind.name())]
            }
            Self::Cluster(name) => vec![name.clone()],
            Self::Repository(key, _) | Self::Image(key, _) => vec![key.clone()],
            Self::Git(_) | Self::HostApi(_) | Self::CodeHost(_) => {
                vec!["code.prove.example".to_owned()]
            }
            Self::Registry(_) => vec!["registry.prove.example".to_owned()],
        }
    }

    /// Whether it is something that the forge reads.
    pub fn is_of_forge(&self) -> bool {
        !matches!(
            self,
            Self::Nothing | Self::Kind(..) | Self::Elsewhere(..) | Self::Cluster(_)
        )
    }

    /// What the forge says to a want instead of what it would find.
    pub fn instead(&self, want: &Want) -> Option<Found> {
        let (is_git, subject) = subject(want);
        let is_api = matches!(
            want,
            Want::Ci { .. } | Want::Pulls { .. } | Want::OpenPulls { .. }
        );
        let is_image = !is_git && !is_api;
        let lack = match self {
            Self::Repository(key, lack) if is_git && key == subject => lack,
            Self::Git(lack) if is_git => lack,
            Self::HostApi(lack) if is_api => lack,
            Self::CodeHost(lack) if is_git || is_api => lack,
            Self::Image(key, lack) if is_image && key == subject => lack,
            Self::Registry(lack) if is_image => lack,
            _ => return None,
        };
        Some(refused(want, lack.coverage()))
    }

    /// Takes it away from what the cluster's reader holds.
    pub fn take_from(&self, known: &mut ClusterFacts, now: Timestamp) {
        match self {
            Self::Kind(kind, lack) => {
                known.coverage.retain(|(one, _), _| one != kind);
                known.coverage.insert((*kind, Scope::All), lack.coverage());
                clear(known, *kind, &[]);
            }
            Self::Elsewhere(kind, namespaces) => {
                known.coverage.retain(|(one, _), _| one != kind);
                let denied = Lack::Denied.coverage();
                known.coverage.insert((*kind, Scope::All), denied);
                for namespace in namespaces {
                    let seen = Coverage::Seen {
                        as_of: now - SignedDuration::from_secs(1),
                    };
                    let scope = Scope::Namespace(namespace.clone());
                    known.coverage.insert((*kind, scope), seen);
                }
                clear(known, *kind, namespaces);
            }
            Self::Cluster(_) => {
                let error = "taken away".to_owned();
                *known = ClusterFacts {
                    reach: Reach::Unreachable { error },
                    ..ClusterFacts::default()
                };
                for kind in Kind::ALL {
                    let gone = Lack::Unreachable.coverage();
                    known.coverage.insert((kind, Scope::All), gone);
                }
            }
            _ => {}
        }
    }
}

/// Whether a want is of Git, and whose it is.
fn subject(want: &Want) -> (bool, &str) {
    match want {
        Want::Repository { repository }
        | Want::Resolve { repository, .. }
        | Want::Commit { repository, .. }
        | Want::Relation { repository, .. }
        | Want::Touched { repository, .. }
        | Want::Concern { repository, .. }
        | Want::Changes { repository, .. }
        | Want::Declared { repository, .. } => (true, repository),
        Want::Ci { repository, .. }
        | Want::Pulls { repository, .. }
        | Want::OpenPulls { repository }
        | Want::Tags { repository }
        | Want::Digest { repository, .. }
        | Want::Image { repository, .. } => (false, repository),
    }
}

/// A want that could not be met, as the forge says it.
fn refused(want: &Want, coverage: Coverage) -> Found {
    match want.clone() {
        Want::Repository { repository }
        | Want::Resolve { repository, .. }
        | Want::Relation { repository, .. } => Found::RepositoryGap {
            repository,
            coverage,
        },
        Want::Commit { repository, sha } => Found::Commit {
            repository,
            sha,
            commit: Read::Gap(coverage),
        },
        Want::Ci { repository, sha } => Found::Ci {
            repository,
            sha,
            runs: Read::Gap(coverage),
        },
        Want::Pulls { repository, sha } => Found::Pulls {
            repository,
            sha,
            pulls: Read::Gap(coverage),
        },
        Want::OpenPulls { repository } => Found::OpenPulls {
            repository,
            pulls: Read::Gap(coverage),
        },
        Want::Touched { repository, sha } => Found::Touched {
            repository,
            sha,
            paths: Read::Gap(coverage),
        },
        Want::Concern {
            repository,
            sha,
            path,
            objects,
        } => Found::Concern {
            repository,
            sha,
            path,
            objects,
            concern: Read::Gap(coverage),
        },
        Want::Changes {
            repository,
            sha,
            path,
        } => Found::Changes {
            repository,
            sha,
            path,
            changes: Read::Gap(coverage),
        },
        Want::Declared {
            repository,
            branch,
            path,
        } => Found::Declared {
            repository,
            branch,
            path,
            history: Read::Gap(coverage),
        },
        Want::Tags { repository } => Found::Tags {
            repository,
            tags: Read::Gap(coverage),
        },
        Want::Digest { repository, tag } => Found::Digest {
            repository,
            tag,
            digest: Read::Gap(coverage),
        },
        Want::Image { repository, digest } => Found::Image {
            repository,
            digest,
            image: Read::Gap(coverage),
        },
    }
}

/// Forgets the objects of a kind, but for those in some namespaces.
fn clear(known: &mut ClusterFacts, kind: Kind, kept: &[String]) {
    let stays = |namespace: &String| kept.contains(namespace);
    match kind {
        Kind::Namespace => known.namespaces.clear(),
        Kind::Node => known.nodes.clear(),
        Kind::Pod => known.pods.retain(|key, _| stays(&key.namespace)),
        Kind::ReplicaSet => known.replica_sets.retain(|key, _| stays(&key.namespace)),
        Kind::Deployment | Kind::StatefulSet | Kind::DaemonSet => {
            let workloads = &mut known.workloads;
            workloads.retain(|(one, key), _| *one != kind || stays(&key.namespace));
        }
        Kind::Service => known.services.retain(|key, _| stays(&key.namespace)),
        Kind::EndpointSlice => known.endpoint_slices.retain(|key, _| stays(&key.namespace)),
        Kind::Ingress => known.ingresses.retain(|key, _| stays(&key.namespace)),
        Kind::Event => known.events.retain(|key, _| stays(&key.namespace)),
        Kind::GitRepository
        | Kind::OCIRepository
        | Kind::HelmRepository
        | Kind::HelmChart
        | Kind::Bucket => {
            let sources = &mut known.sources;
            sources.retain(|(one, key), _| *one != kind || stays(&key.namespace));
        }
        Kind::Kustomization => known.kustomizations.retain(|key, _| stays(&key.namespace)),
        Kind::HelmRelease => known.helm_releases.retain(|key, _| stays(&key.namespace)),
        Kind::ImageRepository => known
            .image_repositories
            .retain(|key, _| stays(&key.namespace)),
        Kind::ImagePolicy => known.image_policies.retain(|key, _| stays(&key.namespace)),
        Kind::ImageUpdateAutomation => known
            .image_automations
            .retain(|key, _| stays(&key.namespace)),
        Kind::Canary => known.canaries.retain(|key, _| stays(&key.namespace)),
        Kind::ExternalSecret => known
            .external_secrets
            .retain(|key, _| stays(&key.namespace)),
        Kind::Certificate => known.certificates.retain(|key, _| stays(&key.namespace)),
        Kind::EcsService
        | Kind::EcsTask
        | Kind::EcsTaskDefinition
        | Kind::EcsServiceDeployment
        | Kind::EcsTargetGroup => {}
    }
}
