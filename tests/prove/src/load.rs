//! `./dev bench --cluster`: what the product costs on a real API server that is full, beside kubectl in the same run.
//!
//! Owns what is measured and how: wall time of the terminal program and of kubectl, memory at its highest, and what both
//! take from the API server, by the server's own count. The ground is an API server with its etcd, a registry and the code
//! host: no controllers, so that nothing changes but by our hand.

mod churn;
mod company;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::process::Command;

use crate::ground::{Ground, GroundError};
use crate::parts::Parts;
use crate::process::dies_with_us;

pub use churn::Lag;
pub use company::{Filled, Size};

/// How often each command is timed.
const RUNS: usize = 5;
/// How often memory is looked at while a command runs.
const LOOK: Duration = Duration::from_millis(20);

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The ground did not come up, or refused what it is filled with.
    #[error(transparent)]
    Ground(#[from] GroundError),
    /// An image could not be pushed.
    #[error(transparent)]
    Registry(#[from] crate::images::RegistryError),
    /// A program could not be run, or a file not be written.
    #[error(transparent)]
    System(#[from] std::io::Error),
    /// A command said that it failed.
    #[error("{command} ended with {code}: {said}")]
    Failed {
        /// Which.
        command: String,
        /// Its exit code.
        code: i32,
        /// The end of what it said.
        said: String,
    },
    /// The answer is not what the company is like: what was timed says something else.
    #[error("{0}")]
    Wrong(String),
}

/// What one command cost, at the median of its runs.
#[derive(Clone, Debug)]
pub struct Cost {
    /// What was run, in words.
    pub what: String,
    /// Wall time.
    pub wall: Duration,
    /// Memory at its highest, in MiB.
    pub memory: f64,
    /// Requests to the API server.
    pub requests: f64,
    /// Bytes of its answers that are no watches, in KiB.
    pub kibibytes: f64,
}

impl Cost {
    /// As JSON.
    pub fn json(&self) -> Value {
        json!({
            "what": self.what, "wallMilliseconds": self.wall.as_secs_f64() * 1_000.0,
            "memoryMebibytes": self.memory, "requests": self.requests, "kibibytes": self.kibibytes,
        })
    }
}

/// Starts the ground, fills it and measures. `kubectl` is the program to compare with.
///
/// # Errors
/// The ground cannot be had, or an answer is wrong.
pub async fn measure(
    parts: &Parts,
    size: Size,
    (landfall, kubectl): (&Path, &Path),
    say: &dyn Fn(&str),
) -> Result<(Vec<Cost>, Lag), LoadError> {
    let ground = Ground::bare(parts).await?;
    let begun = Instant::now();
    let filled = company::fill(&ground, size).await?;
    say(&format!(
        "{} objects in {:.0} s",
        filled.objects,
        begun.elapsed().as_secs_f64()
    ));
    let bench = Bench {
        ground: &ground,
        kubeconfig: ground.kubeconfig(),
        team: ground.team_file()?,
        landfall: landfall.to_path_buf(),
        kubectl: kubectl.to_path_buf(),
        home: ground.folder().join("home"),
    };
    let mut costs = Vec::new();
    // Clones and images are had once before: what is measured is the cluster.
    let board = bench.landfall(&["board", "--json"]).await?;
    let rows = board.1["rows"].as_array().map_or(0, Vec::len);
    if rows != filled.apps {
        let words = format!(
            "the board has {rows} rows and {} apps are there",
            filled.apps
        );
        return Err(LoadError::Wrong(words));
    }
    let app = company::name(1);
    costs.push(
        bench
            .median("kubectl get, the kinds of an answer", || {
                bench.kubectl(&[KINDS])
            })
            .await?,
    );
    costs.push(
        bench
            .median("landfall why, one app", || async {
                let (cost, answer) = bench.landfall(&["why", &app, "--json"]).await?;
                let states = answer["journeys"].as_array().into_iter().flatten();
                if states.filter(|one| one["state"] == "deployed").count() != 1 {
                    let words = format!("{app} is not said to be deployed: {answer}");
                    return Err(LoadError::Wrong(words.chars().take(600).collect()));
                }
                Ok(cost)
            })
            .await?,
    );
    costs.push(
        bench
            .median("landfall board, complete", || async {
                Ok(bench.landfall(&["board", "--json"]).await?.0)
            })
            .await?,
    );
    let sources = console::Sources {
        kubeconfig: Some(bench.kubeconfig.clone()),
        team: Some(bench.team.clone()),
        cache: Some(bench.home.join(".cache/landfall")),
        ..console::Sources::default()
    };
    let lag = churn::measure(&ground.api, &sources, filled.apps).await?;
    Ok((costs, lag))
}

/// What an answer rests on, as kubectl spells it.
const KINDS: &str = "namespaces,nodes,pods,replicasets.apps,deployments.apps,statefulsets.apps,daemonsets.apps,\
services,endpointslices.discovery.k8s.io,ingresses.networking.k8s.io,events,gitrepositories.source.toolkit.fluxcd.io,\
ocirepositories.source.toolkit.fluxcd.io,helmrepositories.source.toolkit.fluxcd.io,\
helmcharts.source.toolkit.fluxcd.io,buckets.source.toolkit.fluxcd.io,kustomizations.kustomize.toolkit.fluxcd.io,\
helmreleases.helm.toolkit.fluxcd.io,imagerepositories.image.toolkit.fluxcd.io,imagepolicies.image.toolkit.fluxcd.io,\
imageupdateautomations.image.toolkit.fluxcd.io";

struct Bench<'g> {
    ground: &'g Ground,
    kubeconfig: PathBuf,
    team: PathBuf,
    landfall: PathBuf,
    kubectl: PathBuf,
    home: PathBuf,
}

impl Bench<'_> {
    /// The median of several runs, each figure by itself.
    async fn median<F: Future<Output = Result<Cost, LoadError>>>(
        &self,
        what: &str,
        run: impl Fn() -> F,
    ) -> Result<Cost, LoadError> {
        let mut costs = Vec::new();
        for _ in 0..RUNS {
            costs.push(run().await?);
        }
        let middle = |of: fn(&Cost) -> f64| {
            let mut all: Vec<f64> = costs.iter().map(of).collect();
            all.sort_by(f64::total_cmp);
            all.get(all.len() / 2).copied().unwrap_or_default()
        };
        Ok(Cost {
            what: what.to_owned(),
            wall: Duration::from_secs_f64(middle(|cost| cost.wall.as_secs_f64())),
            memory: middle(|cost| cost.memory),
            requests: middle(|cost| cost.requests),
            kibibytes: middle(|cost| cost.kibibytes),
        })
    }

    async fn landfall(&self, words: &[&str]) -> Result<(Cost, Value), LoadError> {
        let mut command: Command = Command::from(dies_with_us("KILL", &self.landfall));
        command
            .args(words)
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .arg("--team")
            .arg(&self.team)
            .env("HOME", &self.home)
            .env_remove("XDG_CACHE_HOME")
            .env_remove("XDG_DATA_HOME");
        let (cost, said) = self.run(command, &[0, 1, 2, 3]).await?;
        let document = serde_json::from_slice(&said).map_err(std::io::Error::from)?;
        Ok((cost, document))
    }

    async fn kubectl(&self, words: &[&str]) -> Result<Cost, LoadError> {
        let mut command: Command = Command::from(dies_with_us("KILL", &self.kubectl));
        command
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .arg("get")
            .args(words)
            .arg("--all-namespaces")
            .env("HOME", &self.home);
        Ok(self.run(command, &[0]).await?.0)
    }

    async fn run(&self, mut command: Command, good: &[i32]) -> Result<(Cost, Vec<u8>), LoadError> {
        let words = format!("{:?}", command.as_std());
        let before = self.count().await?;
        let begun = Instant::now();
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let id = child.id();
        let highest = async {
            let mut highest: f64 = 0.0;
            loop {
                highest = highest.max(id.and_then(memory).unwrap_or_default());
                tokio::time::sleep(LOOK).await;
                if id.and_then(memory).is_none() {
                    return highest;
                }
            }
        };
        let (output, highest) = tokio::join!(child.wait_with_output(), highest);
        let (output, wall) = (output?, begun.elapsed());
        let code = output.status.code().unwrap_or(-1);
        if !good.contains(&code) {
            let said = String::from_utf8_lossy(&output.stderr);
            let from = said.len().saturating_sub(400);
            return Err(LoadError::Failed {
                command: words.chars().take(200).collect(),
                code,
                said: said.get(from..).unwrap_or_default().to_owned(),
            });
        }
        let after = self.count().await?;
        let cost = Cost {
            what: String::new(),
            wall,
            memory: highest,
            requests: after.0 - before.0,
            kibibytes: (after.1 - before.1) / 1024.0,
        };
        Ok((cost, output.stdout))
    }

    /// How many requests the API server has answered since it began, and how many bytes, by its own metrics; without those
    /// for the metrics themselves.
    async fn count(&self) -> Result<(f64, f64), LoadError> {
        let text = self
            .ground
            .api
            .text("/metrics")
            .await
            .map_err(GroundError::from)?;
        let sum = |metric: &str| -> f64 {
            text.lines()
                .filter(|line| line.starts_with(metric) && !line.contains("/metrics"))
                .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
                .sum()
        };
        Ok((
            sum("apiserver_request_total{"),
            sum("apiserver_response_sizes_sum{"),
        ))
    }
}

/// The highest memory of a process so far, in MiB, where the system tells.
fn memory(id: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kibibytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes / 1024.0)
}
