//! The actions of Amazon ECS' API that are served, and Elastic Load Balancing's and STS' one each.
//!
//! Owns what each action takes, how many it takes at once, and AWS' words for what it does not find.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::scheduler::target_group_arn;
use super::state::{Service, State};
use super::{name_of, view};

/// The memory that a task asks for, in MiB.
const MEMORY: u32 = 512;

/// A refusal: AWS' code and words.
pub(super) struct Refusal(pub(super) &'static str, pub(super) String);

pub(super) type Answer = Result<Value, Refusal>;

/// What an action of ECS answers; `None` if it is none that is served.
pub(super) fn ecs(action: &str, asked: &Value, state: &State, now: Timestamp) -> Option<Answer> {
    Some(match action {
        "ListClusters" => list_clusters(asked, state),
        "DescribeClusters" => describe_clusters(asked, state, now),
        "ListServices" => list_services(asked, state),
        "DescribeServices" => describe_services(asked, state, now),
        "ListTasks" => list_tasks(asked, state, now),
        "DescribeTasks" => describe_tasks(asked, state, now),
        "DescribeTaskDefinition" => describe_task_definition(asked, state),
        "ListServiceDeployments" => list_service_deployments(asked, state),
        "DescribeServiceDeployments" => describe_service_deployments(asked, state),
        "DescribeServiceRevisions" => describe_service_revisions(asked, state),
        _ => return None,
    })
}

fn list_clusters(asked: &Value, state: &State) -> Answer {
    let arns = state.clusters.keys().map(|name| view::cluster_arn(name));
    page(asked, "clusterArns", arns.collect(), 100)
}

fn describe_clusters(asked: &Value, state: &State, now: Timestamp) -> Answer {
    let wants_tags = texts(asked, "include").any(|one| one == "TAGS");
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for given in texts(asked, "clusters") {
        let name = name_of(given);
        match state.clusters.get(name) {
            Some(cluster) => {
                let mut one = view::cluster(name, cluster, now);
                if !wants_tags {
                    one["tags"] = json!([]);
                }
                found.push(one);
            }
            None => failures.push(missing(view::cluster_arn(name))),
        }
    }
    Ok(json!({"clusters": found, "failures": failures}))
}

fn list_services(asked: &Value, state: &State) -> Answer {
    let (cluster, found) = cluster(asked, state)?;
    let arns = found.keys().map(|name| view::service_arn(cluster, name));
    page(asked, "serviceArns", arns.collect(), 10)
}

fn describe_services(asked: &Value, state: &State, now: Timestamp) -> Answer {
    let (cluster, found) = cluster(asked, state)?;
    let given: Vec<&str> = texts(asked, "services").collect();
    at_most(&given, 10, "Services")?;
    let (mut services, mut failures) = (Vec::new(), Vec::new());
    for name in given.into_iter().map(name_of) {
        match found.get(name) {
            Some(service) => services.push(view::service(cluster, service, now)),
            None => failures.push(missing(view::service_arn(cluster, name))),
        }
    }
    Ok(json!({"services": services, "failures": failures}))
}

fn list_tasks(asked: &Value, state: &State, now: Timestamp) -> Answer {
    let (cluster, found) = cluster(asked, state)?;
    let stopped = asked["desiredStatus"] == "STOPPED";
    let of = asked["serviceName"].as_str().map(name_of);
    let services = found
        .values()
        .filter(|service| of.is_none_or(|of| of == service.name));
    let tasks = services.flat_map(|service| &service.tasks);
    let arns = tasks
        .filter(|task| (task.status(now) == "STOPPED") == stopped)
        .map(|task| view::task_arn(cluster, &task.id));
    page(asked, "taskArns", arns.collect(), 100)
}

fn describe_tasks(asked: &Value, state: &State, now: Timestamp) -> Answer {
    let (cluster, found) = cluster(asked, state)?;
    let given: Vec<&str> = texts(asked, "tasks").collect();
    at_most(&given, 100, "Tasks")?;
    let (mut tasks, mut failures) = (Vec::new(), Vec::new());
    for id in given.into_iter().map(name_of) {
        let of = found.values().find_map(|service| {
            let task = service.tasks.iter().find(|task| task.id == id)?;
            Some((service, task))
        });
        match of {
            Some((service, task)) => {
                let image = state.definition(&service.name, task.revision);
                let image = image.map_or("", |definition| definition.image.as_str());
                tasks.push(view::task(cluster, service, task, image, now));
            }
            None => failures.push(missing(view::task_arn(cluster, id))),
        }
    }
    Ok(json!({"tasks": tasks, "failures": failures}))
}

/// A revision by ARN or `family:revision`, or a family's newest.
fn describe_task_definition(asked: &Value, state: &State) -> Answer {
    let given = name_of(text(asked, "taskDefinition"));
    let (family, revision) = match given.split_once(':') {
        Some((family, revision)) => (family, revision.parse::<u32>().ok()),
        None => (given, None),
    };
    let revisions = state.definitions.get(family);
    let found = revisions.and_then(|revisions| match revision {
        Some(revision) => revisions.iter().find(|one| one.revision == revision),
        None => revisions.last(),
    });
    found
        .map(|one| json!({"taskDefinition": view::definition(family, one, MEMORY), "tags": []}))
        .ok_or_else(|| {
            Refusal(
                "ClientException",
                "Unable to describe task definition.".to_owned(),
            )
        })
}

fn list_service_deployments(asked: &Value, state: &State) -> Answer {
    let (cluster, found) = cluster(asked, state)?;
    let name = name_of(text(asked, "service"));
    let service = found
        .get(name)
        .ok_or_else(|| Refusal("ServiceNotFoundException", "Service not found.".to_owned()))?;
    let newest_first = service.deployments.iter().rev();
    let briefs = newest_first.map(|one| view::brief(cluster, service, one));
    page(asked, "serviceDeployments", briefs.collect(), 20)
}

fn describe_service_deployments(asked: &Value, state: &State) -> Answer {
    by_arn(
        asked,
        state,
        ("serviceDeploymentArns", "serviceDeployments"),
        |cluster, service| {
            let all = service.deployments.iter();
            let known = all.map(|one| {
                let arn = view::change_arn(cluster, &service.name, one.number);
                (arn, view::change(cluster, service, one))
            });
            known.collect()
        },
    )
}

fn describe_service_revisions(asked: &Value, state: &State) -> Answer {
    by_arn(
        asked,
        state,
        ("serviceRevisionArns", "serviceRevisions"),
        |cluster, service| {
            let all = service.deployments.iter();
            let known = all.map(|one| {
                let arn = view::revision_arn(cluster, &service.name, one.number);
                (arn, view::revision(cluster, service, one))
            });
            known.collect()
        },
    )
}

/// Things that are asked for by ARNs, of whatever service; 20 at once.
fn by_arn(
    asked: &Value,
    state: &State,
    (field, answer): (&str, &str),
    of: impl Fn(&str, &Service) -> Vec<(String, Value)>,
) -> Answer {
    let given: Vec<&str> = texts(asked, field).collect();
    at_most(&given, 20, field)?;
    let all: Vec<(String, Value)> = state
        .clusters
        .iter()
        .flat_map(|(name, cluster)| cluster.services.values().map(move |one| (name, one)))
        .flat_map(|(name, service)| of(name, service))
        .collect();
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for arn in given {
        match all.iter().find(|(known, _)| known == arn) {
            Some((_, one)) => found.push(one.clone()),
            None => failures.push(missing(arn.to_owned())),
        }
    }
    Ok(json!({answer: found, "failures": failures}))
}

/// The health of a target group's targets, as XML.
pub(super) fn target_health(arn: &str, state: &State, now: Timestamp) -> Result<String, Refusal> {
    let mut services = state
        .clusters
        .values()
        .flat_map(|cluster| cluster.services.values());
    services
        .find(|service| target_group_arn(&service.name) == arn)
        .map(|service| {
            let members = view::targets(service, now);
            format!("<TargetHealthDescriptions>{members}</TargetHealthDescriptions>")
        })
        .ok_or_else(|| {
            Refusal(
                "TargetGroupNotFound",
                "One or more target groups not found".to_owned(),
            )
        })
}

/// The services of the cluster that is asked about.
pub(super) fn cluster<'a>(
    asked: &'a Value,
    state: &'a State,
) -> Result<(&'a str, &'a std::collections::BTreeMap<String, Service>), Refusal> {
    let name = name_of(asked["cluster"].as_str().unwrap_or("default"));
    match state.clusters.get(name) {
        Some(cluster) => Ok((name, &cluster.services)),
        None => Err(Refusal(
            "ClusterNotFoundException",
            "Cluster not found.".to_owned(),
        )),
    }
}

/// One page of a list; the token is where the next one begins.
fn page<T: Into<Value>>(asked: &Value, field: &str, all: Vec<T>, usual: usize) -> Answer {
    let begin = match asked["nextToken"].as_str() {
        None => 0,
        Some(token) => token.parse::<usize>().map_err(|_| {
            Refusal(
                "InvalidParameterException",
                "Invalid token in the request.".to_owned(),
            )
        })?,
    };
    let most = asked["maxResults"].as_u64();
    let most = most.and_then(|most| usize::try_from(most).ok());
    let end = begin.saturating_add(most.unwrap_or(usual).clamp(1, 100));
    let has_more = all.len() > end;
    let some = all.into_iter().skip(begin).take(end - begin);
    let mut answer = json!({field: some.map(Into::into).collect::<Vec<Value>>()});
    if has_more {
        answer["nextToken"] = end.to_string().into();
    }
    Ok(answer)
}

fn at_most(given: &[&str], most: usize, what: &str) -> Result<(), Refusal> {
    if given.is_empty() {
        let message = format!("{what} cannot be empty.");
        return Err(Refusal("InvalidParameterException", message));
    }
    if given.len() > most {
        let message = format!("{what} cannot have more than {most} elements");
        return Err(Refusal("InvalidParameterException", message));
    }
    Ok(())
}

fn missing(arn: String) -> Value {
    json!({"arn": arn, "reason": "MISSING"})
}

pub(super) fn text<'a>(asked: &'a Value, field: &str) -> &'a str {
    asked[field].as_str().unwrap_or_default()
}

fn texts<'a>(asked: &'a Value, field: &str) -> impl Iterator<Item = &'a str> {
    let given = asked[field].as_array().into_iter().flatten();
    given.filter_map(Value::as_str)
}
