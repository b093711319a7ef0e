//! The one chart that the company's Helm repositories hold, under any name: a Deployment and its Service from values.
//!
//! Values: `image.repository`, `image.tag` (the chart's appVersion), `replicas`, `port`, `resources`, `env` (a mapping or
//! a list), `probe` (the readiness probe's path), `podAnnotations`, `paused`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::fields::{at, count, flag, integer, mapping, put, text};
use super::refusal::Refusal;
use super::shelf::Chart;

/// What is read of a Chart.yaml.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChartFile {
    pub name: String,
    pub version: String,
    pub app_version: Option<String>,
}

/// Renders the chart.
///
/// # Errors
/// Helm's words for a value that is missing.
pub fn render(
    chart: &Chart,
    release: &str,
    namespace: &str,
    values: &Value,
) -> Result<Vec<Value>, Refusal> {
    let repository = text(values, &["image", "repository"]);
    if repository.is_empty() {
        return Err(Refusal(format!(
            "execution error at ({}/templates/deployment.yaml:31:20): image.repository is required",
            chart.name
        )));
    }
    let tag = match at(values, &["image", "tag"]) {
        Some(Value::String(tag)) if !tag.is_empty() => tag.clone(),
        Some(Value::Number(tag)) => tag.to_string(),
        _ => chart.app_version.clone(),
    };
    let image = match text(values, &["image", "digest"]) {
        "" => format!("{repository}:{tag}"),
        digest => format!("{repository}:{tag}@{digest}"),
    };
    let name = match text(values, &["nameOverride"]) {
        "" => release,
        name => name,
    };
    let selector = json!({"app.kubernetes.io/name": name, "app.kubernetes.io/instance": release});
    let mut labels = selector.clone();
    labels["app.kubernetes.io/managed-by"] = json!("Helm");
    labels["app.kubernetes.io/version"] = json!(tag);
    labels["helm.sh/chart"] = json!(format!(
        "{}-{}",
        chart.name,
        chart.version.replace('+', "_")
    ));
    let metadata = json!({
        "name": release,
        "namespace": namespace,
        "labels": labels,
        "annotations": {"meta.helm.sh/release-name": release, "meta.helm.sh/release-namespace": namespace},
    });
    let port = integer(values, &["port"]).unwrap_or(8080);
    let probe = match text(values, &["probe"]) {
        "" => "/healthz",
        path => path,
    };
    let mut container = json!({
        "name": name,
        "image": image,
        "ports": [{"name": "http", "containerPort": port, "protocol": "TCP"}],
        "readinessProbe": {"httpGet": {"path": probe, "port": "http"}, "periodSeconds": 5},
    });
    if let Some(resources) = at(values, &["resources"]) {
        put(&mut container, &["resources"], resources.clone());
    }
    match at(values, &["env"]) {
        Some(Value::Array(env)) => put(&mut container, &["env"], json!(env)),
        Some(Value::Object(env)) => {
            let env: Vec<Value> = env
                .iter()
                .map(|(name, value)| {
                    let value = value
                        .as_str()
                        .map_or_else(|| value.to_string(), str::to_owned);
                    json!({"name": name, "value": value})
                })
                .collect();
            put(&mut container, &["env"], json!(env));
        }
        _ => {}
    }
    let mut template =
        json!({"metadata": {"labels": selector}, "spec": {"containers": [container]}});
    if let Some(annotations) = mapping(values, &["podAnnotations"]) {
        put(
            &mut template,
            &["metadata", "annotations"],
            json!(annotations),
        );
    }
    let mut deployment = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {
            "replicas": count(values, &["replicas"], 1),
            "selector": {"matchLabels": selector},
            "template": template,
        },
    });
    if flag(values, &["paused"]) {
        put(&mut deployment, &["spec", "paused"], json!(true));
    }
    let service = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"selector": selector, "ports": [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}]},
    });
    Ok(vec![service, deployment])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_is_from_values_and_its_tag_from_the_chart_if_there_is_none() {
        let chart = Chart {
            name: "service".to_owned(),
            version: "1.2.3".to_owned(),
            app_version: "9".to_owned(),
        };
        let image = |values: Value| {
            let manifests = render(&chart, "cart", "shop", &values)?;
            Ok::<_, Refusal>(
                manifests[1]["spec"]["template"]["spec"]["containers"][0]["image"].clone(),
            )
        };
        assert_eq!(
            image(json!({"image": {"repository": "r/cart", "tag": "2"}})).unwrap(),
            "r/cart:2"
        );
        assert_eq!(
            image(json!({"image": {"repository": "r/cart"}})).unwrap(),
            "r/cart:9"
        );
        assert!(
            image(json!({}))
                .unwrap_err()
                .0
                .contains("image.repository is required")
        );
    }
}
