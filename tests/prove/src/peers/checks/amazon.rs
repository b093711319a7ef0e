//! What is relied on of AWS' APIs, asked of moto with requests made by hand: in the form that the SDKs send, and with a
//! signature that nobody checks.
//!
//! Where moto 5.2.5 is not as AWS is, nothing is asked of it: GetSecretValue without a stage goes on giving the old version
//! when AWSCURRENT has moved, so the stage is named; an image's digest is made up unless the push names it; and an updated
//! service keeps the deployment that it had, so that no rollout from one task definition to another can be played.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Checked, form, is, so, text};
use crate::peers::Peers;

const ECR: (&str, &str) = ("ecr", "AmazonEC2ContainerRegistry_V20150921");
const ECS: (&str, &str) = ("ecs", "AmazonEC2ContainerServiceV20141113");
const SECRETS: (&str, &str) = ("secretsmanager", "secretsmanager");

/// What the SDKs send as `Authorization`; its scope says which service is meant.
fn signed(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=AKIAPROVE/20260115/eu-central-1/{service}/aws4_request, \
         SignedHeaders=host, Signature=0"
    )
}

/// A call of a service that speaks JSON: its status and its answer.
async fn call(
    peers: &Peers,
    (service, target): (&str, &str),
    operation: &str,
    body: Value,
) -> Checked<(u16, Value)> {
    let answer = peers
        .http
        .post(&peers.aws)
        .header("Authorization", signed(service))
        .header("Content-Type", "application/x-amz-json-1.1")
        .header("X-Amz-Target", format!("{target}.{operation}"))
        .body(body.to_string())
        .send()
        .await?;
    let status = answer.status().as_u16();
    let said = answer.text().await?;
    let document = serde_json::from_str(&said).unwrap_or(Value::String(said));
    Ok((status, document))
}

/// A call that has to succeed.
async fn ask(peers: &Peers, service: (&str, &str), operation: &str, body: Value) -> Checked<Value> {
    let (status, answer) = call(peers, service, operation, body).await?;
    so(&format!("{operation} failed"), status == 200, &answer)?;
    Ok(answer)
}

/// A call that has to be refused as `wanted`.
async fn refused(
    peers: &Peers,
    service: (&str, &str),
    operation: &str,
    body: Value,
    wanted: &str,
) -> Checked {
    let (status, answer) = call(peers, service, operation, body).await?;
    so(
        &format!("{operation} was not refused"),
        status == 400,
        &answer,
    )?;
    is("its __type", &answer["__type"], wanted)
}

/// A call of STS, which speaks forms and XML.
async fn sts(peers: &Peers, is_signed: bool, fields: &[(&str, &str)]) -> Checked<String> {
    let fields = [&[("Version", "2011-06-15")], fields].concat();
    let mut request = form(&peers.http, &peers.aws, &fields);
    if is_signed {
        request = request.header("Authorization", signed("sts"));
    }
    let answer = request.send().await?;
    let status = answer.status().as_u16();
    let said = answer.text().await?;
    so("STS refused", status == 200, &said)?;
    Ok(said)
}

pub(super) async fn identity(peers: &Peers) -> Checked {
    let said = sts(peers, true, &[("Action", "GetCallerIdentity")]).await?;
    for element in [
        "<Account>123456789012</Account>",
        "<Arn>arn:aws:",
        "<UserId>",
    ] {
        so(
            &format!("there is no {element}"),
            said.contains(element),
            &said,
        )?;
    }
    Ok(())
}

pub(super) async fn web_identity(peers: &Peers) -> Checked {
    let fields = [
        ("Action", "AssumeRoleWithWebIdentity"),
        ("RoleArn", "arn:aws:iam::123456789012:role/landfall"),
        ("RoleSessionName", "kim"),
        ("WebIdentityToken", "header.payload.signature"),
        ("DurationSeconds", "900"),
    ];
    let said = sts(peers, false, &fields).await?;
    for element in [
        "<AccessKeyId>ASIA",
        "<SecretAccessKey>",
        "<SessionToken>",
        "<Expiration>",
        ":assumed-role/landfall/kim<",
    ] {
        so(
            &format!("there is no {element}"),
            said.contains(element),
            &said,
        )?;
    }
    Ok(())
}

pub(super) async fn registry_token(peers: &Peers) -> Checked {
    let answer = ask(peers, ECR, "GetAuthorizationToken", json!({})).await?;
    let data = &answer["authorizationData"][0];
    let token = text("the token", &data["authorizationToken"])?;
    use base64::Engine;
    let token = base64::prelude::BASE64_STANDARD
        .decode(token)
        .unwrap_or_default();
    let token = String::from_utf8_lossy(&token).into_owned();
    so("the user is not AWS", token.starts_with("AWS:"), &token)?;
    so("it has no end", data["expiresAt"].is_number(), data)
}

pub(super) async fn registry_image(peers: &Peers) -> Checked {
    let repository = "apps/checkout";
    ask(
        peers,
        ECR,
        "CreateRepository",
        json!({"repositoryName": repository}),
    )
    .await?;
    let manifest = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": format!("sha256:{}", "a".repeat(64)), "size": 2,
        },
        "layers": [],
    });
    let manifest = manifest.to_string();
    let hash = Sha256::digest(manifest.as_bytes());
    let digest: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let digest = format!("sha256:{digest}");
    let image = json!({
        "repositoryName": repository, "imageTag": "1.4.0", "imageManifest": manifest, "imageDigest": digest,
    });
    ask(peers, ECR, "PutImage", image).await?;
    let wanted = json!({"repositoryName": repository, "imageIds": [{"imageTag": "1.4.0"}]});
    let told = ask(peers, ECR, "DescribeImages", wanted.clone()).await?;
    let details = &told["imageDetails"][0];
    is("its digest", &details["imageDigest"], digest.as_str())?;
    is("its tags", &details["imageTags"], json!(["1.4.0"]))?;
    so(
        "nobody knows when it was pushed",
        details["imagePushedAt"].is_number(),
        details,
    )?;
    let got = ask(peers, ECR, "BatchGetImage", wanted).await?;
    is("its manifest", &got["images"][0]["imageManifest"], manifest)
}

pub(super) async fn registry_without_image(peers: &Peers) -> Checked {
    let repository = json!({"repositoryName": "apps/empty"});
    ask(peers, ECR, "CreateRepository", repository).await?;
    let wanted = json!({"repositoryName": "apps/empty", "imageIds": [{"imageTag": "no-such"}]});
    refused(
        peers,
        ECR,
        "DescribeImages",
        wanted,
        "ImageNotFoundException",
    )
    .await
}

/// A version's name: the SDKs make a UUID.
fn version(number: u8) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// A secret whose version 1 is current and whose version 2 waits under a private stage.
async fn prepared(peers: &Peers, name: &str) -> Checked {
    let first = json!({"Name": name, "SecretString": "one", "ClientRequestToken": version(1)});
    ask(peers, SECRETS, "CreateSecret", first).await?;
    let second = json!({
        "SecretId": name, "SecretString": "two", "ClientRequestToken": version(2),
        "VersionStages": ["landfall-pending"],
    });
    ask(peers, SECRETS, "PutSecretValue", second).await?;
    Ok(())
}

async fn current(peers: &Peers, name: &str, wanted: &str, number: u8) -> Checked {
    let body = json!({"SecretId": name, "VersionStage": "AWSCURRENT"});
    let answer = ask(peers, SECRETS, "GetSecretValue", body).await?;
    is("what is current", &answer["SecretString"], wanted)?;
    is("its version", &answer["VersionId"], version(number))
}

fn moved(name: &str, from: u8, to: u8) -> Value {
    json!({
        "SecretId": name, "VersionStage": "AWSCURRENT",
        "RemoveFromVersionId": version(from), "MoveToVersionId": version(to),
    })
}

pub(super) async fn secret_private_stage(peers: &Peers) -> Checked {
    let name = "shop/private";
    prepared(peers, name).await?;
    current(peers, name, "one", 1).await?;
    let told = ask(peers, SECRETS, "DescribeSecret", json!({"SecretId": name})).await?;
    let stages = json!({version(1): ["AWSCURRENT"], version(2): ["landfall-pending"]});
    is("the stages", &told["VersionIdsToStages"], stages)
}

pub(super) async fn secret_swap(peers: &Peers) -> Checked {
    let name = "shop/swap";
    prepared(peers, name).await?;
    ask(
        peers,
        SECRETS,
        "UpdateSecretVersionStage",
        moved(name, 1, 2),
    )
    .await?;
    current(peers, name, "two", 2).await?;
    let previous = json!({"SecretId": name, "VersionStage": "AWSPREVIOUS"});
    let answer = ask(peers, SECRETS, "GetSecretValue", previous).await?;
    is("what is previous", &answer["SecretString"], "one")
}

pub(super) async fn secret_stale_swap(peers: &Peers) -> Checked {
    let name = "shop/stale";
    prepared(peers, name).await?;
    // Somebody else was faster.
    let third =
        json!({"SecretId": name, "SecretString": "three", "ClientRequestToken": version(3)});
    ask(peers, SECRETS, "PutSecretValue", third).await?;
    let stale = moved(name, 1, 2);
    refused(
        peers,
        SECRETS,
        "UpdateSecretVersionStage",
        stale,
        "InvalidParameterException",
    )
    .await?;
    current(peers, name, "three", 3).await
}

pub(super) async fn secret_used_token(peers: &Peers) -> Checked {
    let name = "shop/token";
    prepared(peers, name).await?;
    let again = |value: &str| {
        json!({
            "SecretId": name, "SecretString": value, "ClientRequestToken": version(2),
            "VersionStages": ["landfall-pending"],
        })
    };
    let other = again("other");
    refused(
        peers,
        SECRETS,
        "PutSecretValue",
        other,
        "ResourceExistsException",
    )
    .await?;
    let same = ask(peers, SECRETS, "PutSecretValue", again("two")).await?;
    is(
        "the version of the same data",
        &same["VersionId"],
        version(2),
    )
}

/// A service with its first task definition; the service as it was made.
async fn service(peers: &Peers, name: &str) -> Checked<Value> {
    ask(peers, ECS, "CreateCluster", json!({"clusterName": name})).await?;
    define(peers, name, "1.0.0").await?;
    let wanted =
        json!({"cluster": name, "serviceName": name, "taskDefinition": name, "desiredCount": 2});
    ask(peers, ECS, "CreateService", wanted).await?;
    described(peers, name).await
}

async fn define(peers: &Peers, family: &str, tag: &str) -> Checked<Value> {
    let container =
        json!({"name": "app", "image": format!("registry.example/{family}:{tag}"), "memory": 64});
    let wanted = json!({"family": family, "containerDefinitions": [container]});
    ask(peers, ECS, "RegisterTaskDefinition", wanted).await
}

async fn described(peers: &Peers, name: &str) -> Checked<Value> {
    let wanted = json!({"cluster": name, "services": [name]});
    let answer = ask(peers, ECS, "DescribeServices", wanted).await?;
    Ok(answer["services"][0].clone())
}

fn primary(service: &Value) -> &Value {
    let deployments = service["deployments"].as_array().into_iter().flatten();
    let mut primary = deployments.filter(|deployment| deployment["status"] == "PRIMARY");
    primary.next().unwrap_or(&Value::Null)
}

pub(super) async fn service_rollout(peers: &Peers) -> Checked {
    let service = service(peers, "rollout").await?;
    let deployment = primary(&service);
    let state = text("rolloutState", &deployment["rolloutState"])?;
    let is_known = matches!(state, "COMPLETED" | "IN_PROGRESS" | "FAILED");
    so("nobody knows this rolloutState", is_known, &state)?;
    is(
        "its definition",
        &deployment["taskDefinition"],
        service["taskDefinition"].clone(),
    )?;
    is("what it wants", &deployment["desiredCount"], 2)?;
    for count in ["runningCount", "pendingCount", "failedTasks"] {
        so(
            &format!("there is no {count}"),
            deployment[count].is_number(),
            deployment,
        )?;
    }
    Ok(())
}

pub(super) async fn service_update(peers: &Peers) -> Checked {
    service(peers, "update").await?;
    let second = define(peers, "update", "1.1.0").await?;
    let definition = &second["taskDefinition"]["taskDefinitionArn"];
    let wanted = json!({"cluster": "update", "service": "update", "taskDefinition": definition});
    ask(peers, ECS, "UpdateService", wanted).await?;
    let service = described(peers, "update").await?;
    is(
        "its definition",
        &service["taskDefinition"],
        definition.clone(),
    )?;
    let name = definition.as_str().unwrap_or_default();
    so(
        "it is not the second",
        name.ends_with("task-definition/update:2"),
        definition,
    )
}

pub(super) async fn task_definition(peers: &Peers) -> Checked {
    define(peers, "definition", "1.0.0").await?;
    let second = define(peers, "definition", "1.1.0").await?;
    is("its revision", &second["taskDefinition"]["revision"], 2)?;
    let first = json!({"taskDefinition": "definition:1"});
    let first = ask(peers, ECS, "DescribeTaskDefinition", first).await?;
    let image = &first["taskDefinition"]["containerDefinitions"][0]["image"];
    is(
        "the first's image",
        image,
        "registry.example/definition:1.0.0",
    )
}

pub(super) async fn service_missing(peers: &Peers) -> Checked {
    ask(
        peers,
        ECS,
        "CreateCluster",
        json!({"clusterName": "missing"}),
    )
    .await?;
    let wanted = json!({"cluster": "missing", "services": ["no-such"]});
    let answer = ask(peers, ECS, "DescribeServices", wanted).await?;
    is("its services", &answer["services"], json!([]))?;
    is("the reason", &answer["failures"][0]["reason"], "MISSING")
}
