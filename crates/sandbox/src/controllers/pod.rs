//! The scheduler and the kubelets: a pod's life from its creation to ready, or to where it fails.
//!
//! Owns the stages and their times; what a stage writes into the status is in [`status`], where images come from in
//! [`image`]. What goes wrong with an image is asked again at every attempt, so that a pod recovers when it is mended.

mod image;
mod status;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::fields::{flag, integer, list, put, text};
use super::names::{number, suffix};
use super::workload::is_going;
use super::{Controllers, Key, Next};
use crate::faults::PodBehaviour;
use status::{ContainerEnd, Picture};

/// The kubelet's longest back-off, in seconds.
const LONGEST_BACK_OFF: i64 = 300;

/// How often what only waits is looked at again, in seconds.
const LOOK_AGAIN: i64 = 30;

/// Where a pod's life stands.
#[derive(Clone, Debug)]
pub(super) struct Life {
    stage: Stage,
    restarts: u32,
    /// Attempts that failed in a row: pulls or starts.
    failures: u32,
    started: Timestamp,
    /// When the last Event about its trouble was recorded.
    said: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// No node yet.
    Unscheduled,
    /// On a node, nothing pulled.
    Scheduled,
    /// Its images are being pulled.
    Pulling,
    /// The last pull failed; shown as back-off.
    PullBackOff,
    /// Pulled, but its containers cannot be made.
    Unconfigured,
    /// Containers run; not ready.
    Started,
    /// Its container ended and waits to be started again.
    CrashBackOff,
    /// Ready.
    Ready,
    /// Its containers ended, for good.
    Over,
    /// Asked to end.
    Ending,
}

impl Controllers {
    pub(super) fn pod(&mut self, key: &Key) -> Next {
        let Some(pod) = self.object(key) else {
            return Next::OnChange;
        };
        let life = self.pods.remove(key).unwrap_or(Life {
            stage: Stage::Unscheduled,
            restarts: 0,
            failures: 0,
            started: self.now,
            said: None,
        });
        let (life, next) = self.live(key, &pod, life);
        self.pods.insert(key.clone(), life);
        next
    }

    /// One step of a pod's life.
    fn live(&mut self, key: &Key, pod: &Value, mut life: Life) -> (Life, Next) {
        if is_going(pod) {
            return self.end(key, life);
        }
        let next = match life.stage {
            Stage::Unscheduled => self.schedule(key, pod, &mut life),
            Stage::Scheduled => self.pull(key, pod, &mut life),
            Stage::Pulling => self.pulled(key, pod, &mut life),
            Stage::PullBackOff => {
                life.stage = Stage::Scheduled;
                self.pull(key, pod, &mut life)
            }
            Stage::Unconfigured => self.start(key, pod, &mut life),
            Stage::CrashBackOff => {
                life.restarts += 1;
                self.start(key, pod, &mut life)
            }
            Stage::Started => self.run_on(key, pod, &mut life),
            Stage::Ready | Stage::Over | Stage::Ending => Next::OnChange,
        };
        (life, next)
    }

    /// Lets a pod end: what runs takes a moment, and then it is gone.
    fn end(&mut self, key: &Key, mut life: Life) -> (Life, Next) {
        if life.stage == Stage::Ending {
            self.store.delete("Pod", &key.namespace, &key.name);
            return (life, Next::OnChange);
        }
        let running = matches!(life.stage, Stage::Started | Stage::Ready);
        life.stage = Stage::Ending;
        let wait = if running {
            1000 + number(self.seed, &[&key.name, "end"], 2000)
        } else {
            100
        };
        let wait = SignedDuration::from_millis(i64::try_from(wait).unwrap_or(1000));
        (life, Next::After(wait))
    }

    /// Records an Event about trouble, at most every five minutes.
    fn complain(&self, pod: &Value, life: &mut Life, reason: &str, message: &str, component: &str) {
        let due = life.said.is_none_or(|said| {
            self.now.duration_since(said) >= SignedDuration::from_secs(LONGEST_BACK_OFF)
        });
        if due {
            life.said = Some(self.now);
            self.store
                .record_event(pod, true, reason, message, component);
        }
    }

    fn schedule(&mut self, key: &Key, pod: &Value, life: &mut Life) -> Next {
        let nodes: Vec<_> = self
            .store
            .list("Node", None)
            .into_iter()
            .filter(|node| !flag(node, &["spec", "unschedulable"]))
            .collect();
        let refusal = match self.behaviour(&key.namespace, &pod["spec"]) {
            Some((_, PodBehaviour::Unschedulable { message })) => Some(message),
            _ if nodes.is_empty() => {
                Some("0/0 nodes are available: no nodes available to schedule pods.".to_owned())
            }
            _ => None,
        };
        if let Some(message) = refusal {
            let mut status = pod["status"].clone();
            status::unschedulable(&mut status, &message, self.now);
            self.write_status(key, status);
            self.complain(pod, life, "FailedScheduling", &message, "default-scheduler");
            return Next::seconds(LOOK_AGAIN);
        }
        let uid = text(pod, &["metadata", "uid"]);
        let node = match text(pod, &["spec", "nodeName"]) {
            "" => {
                let pick = number(self.seed, &[uid, "node"], nodes.len() as u64);
                let pick = usize::try_from(pick).unwrap_or(0);
                nodes
                    .get(pick)
                    .map_or("", |node| text(node, &["metadata", "name"]))
            }
            node => node,
        }
        .to_owned();
        let mut status = pod["status"].clone();
        status::scheduled(&mut status, &pod["spec"], &node, self.now);
        let result = self.store.edit("Pod", &key.namespace, &key.name, |pod| {
            put(pod, &["spec", "nodeName"], json!(node));
            put(pod, &["status"], status);
        });
        if let Err(error) = result {
            tracing::debug!(%error, "a pod went while it was scheduled");
        }
        let message = format!("Successfully assigned {} to {node}", key.path());
        self.store
            .record_event(pod, false, "Scheduled", &message, "default-scheduler");
        life.stage = Stage::Scheduled;
        life.said = None;
        Next::After(SignedDuration::from_millis(400))
    }

    fn pull(&mut self, key: &Key, pod: &Value, life: &mut Life) -> Next {
        life.stage = Stage::Pulling;
        let missing = self.images_to_pull(pod);
        if missing.is_empty() {
            return Next::After(SignedDuration::from_millis(200));
        }
        if life.failures == 0 {
            for image in &missing {
                let message = format!("Pulling image \"{image}\"");
                self.store
                    .record_event(pod, false, "Pulling", &message, "kubelet");
            }
        }
        let uid = text(pod, &["metadata", "uid"]);
        let wait = 900 + number(self.seed, &[uid, &key.name, "pull"], 2600);
        Next::After(SignedDuration::from_millis(
            i64::try_from(wait).unwrap_or(2000),
        ))
    }

    /// The pull ended, well or not.
    fn pulled(&mut self, key: &Key, pod: &Value, life: &mut Life) -> Next {
        if let Some((container, image, why)) = self.pull_failure(pod) {
            life.failures += 1;
            let failed = format!("Failed to pull image \"{image}\": {why}");
            let back_off = format!("Back-off pulling image \"{image}\"");
            if life.failures == 1 {
                self.store
                    .record_event(pod, true, "Failed", &failed, "kubelet");
                self.store
                    .record_event(pod, true, "Failed", "Error: ErrImagePull", "kubelet");
                self.store
                    .record_event(pod, false, "BackOff", &back_off, "kubelet");
                life.said = Some(self.now);
                // The refusal itself shows until the next sync.
                let mut status = pod["status"].clone();
                status::waiting(&mut status, &container, "ErrImagePull", &why, self.now);
                self.write_status(key, status);
                life.stage = Stage::Pulling;
                return Next::seconds(12);
            }
            let mut status = pod["status"].clone();
            let message = format!("{back_off}: ErrImagePull: {why}");
            status::waiting(
                &mut status,
                &container,
                "ImagePullBackOff",
                &message,
                self.now,
            );
            self.write_status(key, status);
            self.complain(pod, life, "Failed", &failed, "kubelet");
            life.stage = Stage::PullBackOff;
            return Next::seconds(back_off_seconds(life.failures));
        }
        let node = text(pod, &["spec", "nodeName"]).to_owned();
        for image in self.images_to_pull(pod) {
            let took = 800 + number(self.seed, &[&image, &node], 2500);
            let size = 20_000_000 + number(0, &[&image], 160_000_000);
            let message = format!(
                "Successfully pulled image \"{image}\" in {took}ms ({took}ms including waiting). Image size: {size} bytes."
            );
            self.store
                .record_event(pod, false, "Pulled", &message, "kubelet");
            self.pulled.insert(format!("{node}/{image}"));
        }
        life.failures = 0;
        life.said = None;
        self.start(key, pod, life)
    }

    /// Makes and starts the containers.
    fn start(&mut self, key: &Key, pod: &Value, life: &mut Life) -> Next {
        let behaviour = self.behaviour(&key.namespace, &pod["spec"]);
        if let Some((container, PodBehaviour::ConfigMissing { message })) = &behaviour {
            let mut status = pod["status"].clone();
            status::waiting(
                &mut status,
                container,
                "CreateContainerConfigError",
                message,
                self.now,
            );
            self.write_status(key, status);
            self.complain(pod, life, "Failed", &format!("Error: {message}"), "kubelet");
            life.stage = Stage::Unconfigured;
            return Next::seconds(LOOK_AGAIN);
        }
        life.started = self.now;
        life.stage = Stage::Started;
        if let Some((_, PodBehaviour::InitFails { container, log, .. })) = &behaviour {
            let picture = self.picture(pod, life, Some(container));
            let mut status = pod["status"].clone();
            status::initializing(&mut status, &picture, container);
            self.write_status(key, status);
            self.log(key, container, log, life);
            return Next::seconds(2);
        }
        let picture = self.picture(pod, life, None);
        let mut status = pod["status"].clone();
        status::started(
            &mut status,
            &picture,
            behaviour.as_ref().map(|(container, _)| container.as_str()),
        );
        self.write_status(key, status);
        if life.restarts == 0 {
            for container in list(&pod["spec"], &["containers"]) {
                let name = text(container, &["name"]);
                for (reason, done) in [
                    ("Created", "Created container: "),
                    ("Started", "Started container "),
                ] {
                    self.store.record_event(
                        pod,
                        false,
                        reason,
                        &format!("{done}{name}"),
                        "kubelet",
                    );
                }
            }
        }
        let uid = text(pod, &["metadata", "uid"]);
        match behaviour {
            Some((
                container,
                PodBehaviour::Crash { log, .. } | PodBehaviour::OutOfMemory { log },
            )) => {
                self.log(key, &container, &log, life);
                let wait = 1500 + number(self.seed, &[uid, "crash"], 2500);
                Next::After(SignedDuration::from_millis(
                    i64::try_from(wait).unwrap_or(2000),
                ))
            }
            Some((container, PodBehaviour::Unready { log, .. })) => {
                self.log(key, &container, &log, life);
                Next::seconds(5)
            }
            Some((_, PodBehaviour::Slow { seconds })) => Next::seconds(seconds.max(1)),
            _ => {
                for container in list(&pod["spec"], &["containers"]) {
                    let name = text(container, &["name"]).to_owned();
                    let port = integer(container, &["ports", "0", "containerPort"]).unwrap_or(8080);
                    let lines = vec![
                        format!("level=info msg=\"starting {name}\""),
                        format!("level=info msg=\"listening on :{port}\""),
                    ];
                    self.store
                        .set_log(&key.namespace, &key.name, &name, false, lines);
                }
                let delay = list(&pod["spec"], &["containers"])
                    .iter()
                    .filter_map(|container| {
                        integer(container, &["readinessProbe", "initialDelaySeconds"])
                    })
                    .max()
                    .unwrap_or(0);
                let wait = 1000 * delay
                    + 800
                    + i64::try_from(number(self.seed, &[uid, "ready"], 3000)).unwrap_or(0);
                Next::After(SignedDuration::from_millis(wait))
            }
        }
    }

    /// What a started pod comes to.
    fn run_on(&mut self, key: &Key, pod: &Value, life: &mut Life) -> Next {
        let mut status = pod["status"].clone();
        if let Some(exit_code) = self.exit_code(key, pod) {
            status::over(&mut status, &self.picture(pod, life, None), exit_code);
            self.write_status(key, status);
            life.stage = Stage::Over;
            return Next::OnChange;
        }
        let (container, end, init) = match self.behaviour(&key.namespace, &pod["spec"]) {
            Some((container, PodBehaviour::Crash { exit_code, .. })) => {
                (container, ContainerEnd::new(exit_code, "Error"), false)
            }
            Some((container, PodBehaviour::OutOfMemory { .. })) => {
                (container, ContainerEnd::new(137, "OOMKilled"), false)
            }
            Some((
                _,
                PodBehaviour::InitFails {
                    container,
                    exit_code,
                    ..
                },
            )) => (container, ContainerEnd::new(exit_code, "Error"), true),
            Some((container, PodBehaviour::Unready { probe, .. })) => {
                if life.said.is_none() {
                    // The probe's own words are an Event; the status only says that it is not ready.
                    let picture = self.picture(pod, life, None);
                    status::started(&mut status, &picture, Some(&container));
                    self.write_status(key, status);
                }
                self.complain(pod, life, "Unhealthy", &probe, "kubelet");
                return Next::seconds(LOOK_AGAIN);
            }
            Some((_, PodBehaviour::PullFails { .. })) | None | Some(_) => {
                status::ready(&mut status, self.now);
                self.write_status(key, status);
                life.stage = Stage::Ready;
                life.failures = 0;
                return Next::OnChange;
            }
        };
        life.failures += 1;
        life.stage = Stage::CrashBackOff;
        let ended = self.picture(pod, life, init.then_some(container.as_str()));
        // The first restart comes at once, and then after 10 s, 20 s… up to five minutes.
        let wait = match life.failures {
            1 => 0,
            failures => back_off_seconds(failures - 1),
        };
        let uid = text(pod, &["metadata", "uid"]);
        let name = format!("{}_{}({uid})", key.name, key.namespace);
        let message = format!(
            "back-off {} restarting failed container={container} pod={name}",
            super::fields::go_duration(SignedDuration::from_secs(wait.max(10)))
        );
        status::ended(
            &mut status,
            &ended,
            &container,
            &end,
            init,
            (wait > 0).then_some(message.as_str()),
        );
        self.write_status(key, status);
        if wait == 0 {
            return Next::seconds(1);
        }
        let message = format!("Back-off restarting failed container {container} in pod {name}");
        self.complain(pod, life, "BackOff", &message, "kubelet");
        Next::seconds(wait)
    }

    /// How a pod ends that runs to its end and is not started again; `None` of one that goes on.
    fn exit_code(&self, key: &Key, pod: &Value) -> Option<i32> {
        let fault = self.behaviour(&key.namespace, &pod["spec"]);
        match (text(pod, &["spec", "restartPolicy"]), fault) {
            ("Never", Some((_, PodBehaviour::Crash { exit_code, .. }))) => Some(exit_code),
            ("Never", Some((_, PodBehaviour::OutOfMemory { .. }))) => Some(137),
            ("Never" | "OnFailure", None | Some((_, PodBehaviour::Slow { .. }))) => Some(0),
            _ => None,
        }
    }

    /// What a container says in this life, which is what it said in the one before.
    fn log(&self, key: &Key, container: &str, lines: &[String], life: &Life) {
        self.store
            .set_log(&key.namespace, &key.name, container, false, lines.to_vec());
        if life.restarts > 0 {
            self.store
                .set_log(&key.namespace, &key.name, container, true, lines.to_vec());
        }
    }

    /// What a pod's status is drawn from.
    fn picture<'a>(&self, pod: &'a Value, life: &Life, init: Option<&str>) -> Picture<'a> {
        let uid = text(pod, &["metadata", "uid"]);
        let address = number(0, &[uid, "address"], 250 * 250);
        let containers = list(&pod["spec"], &["containers"])
            .iter()
            .map(|container| {
                let image = text(container, &["image"]);
                let id = self.image_id(image).unwrap_or_default();
                (container, id)
            })
            .collect();
        let init_image = init.and_then(|name| {
            let container = list(&pod["spec"], &["initContainers"])
                .iter()
                .find(|container| text(container, &["name"]) == name)?;
            let image = text(container, &["image"]);
            Some((image.to_owned(), self.image_id(image).unwrap_or_default()))
        });
        Picture {
            containers,
            init_image,
            address: format!("10.244.{}.{}", address / 250, 2 + address % 250),
            container_id: format!(
                "containerd://{}",
                suffix(self.seed, &[uid, &life.restarts.to_string()], 32)
            ),
            restarts: life.restarts,
            started: life.started,
            now: self.now,
        }
    }
}

/// 10 s, 20 s, 40 s… up to five minutes.
fn back_off_seconds(failures: u32) -> i64 {
    (10_i64 << failures.saturating_sub(1).min(6)).min(LONGEST_BACK_OFF)
}
