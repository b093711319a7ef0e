//! Amazon ECS beside Kubernetes, through the terminal: one answer for both, one board, and what is said without
//! credentials. AWS is a few canned answers here, and the embedded company's account; what reads them is the product's own
//! client, the real SDK.
#![expect(clippy::expect_used, reason = "a test says what it expects by failing")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Output;

use product_tests::{Company, Terminal, json, text};
use serde_json::{Value, json as value};

const DEFINITION: &str = "arn:aws:ecs:eu-west-1:123456789012:task-definition/api:7";

/// An account with one ECS cluster, `shop-prod`, in which an app's service runs an image; where it answers.
fn account(app: &str, image: &str) -> String {
    let (reference, digest) = image.split_once('@').expect("an image with its digest");
    let service = value!({
        "serviceArn": format!("arn:aws:ecs:eu-west-1:123456789012:service/shop-prod/{app}"),
        "serviceName": app, "status": "ACTIVE", "taskDefinition": DEFINITION, "desiredCount": 1, "runningCount": 1,
        "pendingCount": 0, "launchType": "FARGATE",
        "deployments": [{
            "id": "ecs-svc/7", "status": "PRIMARY", "taskDefinition": DEFINITION, "desiredCount": 1,
            "runningCount": 1, "pendingCount": 0, "failedTasks": 0, "rolloutState": "COMPLETED",
        }],
    });
    let task = value!({
        "taskArn": "arn:aws:ecs:eu-west-1:123456789012:task/shop-prod/3f2c", "taskDefinitionArn": DEFINITION,
        "group": format!("service:{app}"), "lastStatus": "RUNNING", "desiredStatus": "RUNNING",
        "createdAt": 1_767_225_600, "startedAt": 1_767_225_630,
        "containers": [{"name": app, "image": reference, "imageDigest": digest, "lastStatus": "RUNNING"}],
    });
    let answers = value!({
        "DescribeClusters": {"clusters": [{"clusterName": "shop-prod"}]},
        "ListServices": {"serviceArns": ["a"]},
        "DescribeServices": {"services": [service]},
        "ListTasks": {"taskArns": ["arn:aws:ecs:eu-west-1:123456789012:task/shop-prod/3f2c"]},
        "DescribeTasks": {"tasks": [task]},
        "DescribeTaskDefinition": {"taskDefinition": {
            "taskDefinitionArn": DEFINITION, "registeredAt": 1_767_225_600,
            "containerDefinitions": [{"name": app, "image": reference}],
        }},
        "ListServiceDeployments": {"serviceDeployments": []},
    });
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answers = answers.clone();
            std::thread::spawn(move || answer(stream, &answers));
        }
    });
    format!("http://{address}")
}

/// Answers one request and closes.
fn answer(mut stream: TcpStream, answers: &Value) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let (mut action, mut length) = (String::new(), 0);
    for line in reader.by_ref().lines() {
        let line = line.ok()?;
        if line.is_empty() {
            break;
        }
        let (name, told) = line.split_once(':').unwrap_or((&line, ""));
        match name.to_ascii_lowercase().as_str() {
            "x-amz-target" => action = told.rsplit('.').next()?.to_owned(),
            "content-length" => length = told.trim().parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    // Stopped tasks are listed by the same action.
    let stopped = String::from_utf8_lossy(&body).contains("STOPPED");
    let (status, text) = match answers.get(&action) {
        Some(_) if stopped => ("200 OK", value!({"taskArns": []}).to_string()),
        Some(answer) => ("200 OK", answer.to_string()),
        None => {
            let unknown = value!({"__type": "UnknownOperationException"});
            ("400 Bad Request", unknown.to_string())
        }
    };
    let length = text.len();
    let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n");
    write!(
        stream,
        "{head}content-type: application/x-amz-json-1.1\r\n\r\n{text}"
    )
    .ok()
}

fn ask_aws(terminal: &Terminal, words: &[&str], key: &str) -> Output {
    let mut command = terminal.command(words);
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    if !key.is_empty() {
        command.env("AWS_ACCESS_KEY_ID", key);
        command.env("AWS_SECRET_ACCESS_KEY", key);
    }
    command.output().expect("landfall runs")
}

#[test]
fn one_answer_and_one_board_for_kubernetes_and_ecs() {
    let company = Company::serve(1);
    let delivered = company.situation("delivered-everywhere");
    let ask = delivered["ask"].as_str().expect("an ask");
    let app = delivered["app"].as_str().expect("an app");
    let terminal = company.terminal();
    let before = json(&terminal.run(&["why", ask, "--env", "production", "--json"]));
    let image = &before["journeys"][0]["running"]["image"];
    let endpoint = account(app, image.as_str().expect("what runs in production"));
    let team = std::fs::read_to_string(company.team()).expect("the team file is there");
    let another = format!(
        "aws:\n- {{name: stand-in, region: eu-west-1, endpoint: '{endpoint}', clusters: [shop-prod]}}\n"
    );
    std::fs::write(company.team(), team.replace("aws:\n", &another)).expect("it can be written to");

    let output = ask_aws(
        &terminal,
        &["why", ask, "--env", "production", "--json"],
        "test",
    );
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let answer = json(&output);
    let on_ecs = answer["journeys"]
        .as_array()
        .expect("journeys")
        .iter()
        .find(|journey| journey["cluster"] == "stand-in")
        .expect("the one on ECS");
    assert_eq!(on_ecs["state"], "deployed", "{on_ecs}");
    assert_eq!(on_ecs["evidence"][0]["object"]["kind"], "ECS task");
    assert_eq!(
        on_ecs["evidence"][0]["field"],
        format!("containers[{app}].imageDigest")
    );
    let said = text(&ask_aws(
        &terminal,
        &["why", ask, "--env", "production"],
        "test",
    ));
    assert!(said.contains("1 of 1 tasks"), "{said}");

    let board = json(&ask_aws(&terminal, &["board", "--json"], "test"));
    let rows = board["rows"].as_array().expect("rows");
    let row = rows.iter().find(|row| row["app"] == app).expect("its row");
    let clusters: Vec<&str> = row["cells"]
        .as_array()
        .expect("cells")
        .iter()
        .filter(|cell| cell["environment"] == "production")
        .filter_map(|cell| cell["cluster"].as_str())
        .collect();
    assert_eq!(clusters.len(), 2, "{clusters:?}");
    assert!(clusters.contains(&"stand-in"), "{clusters:?}");

    let doctor = text(&ask_aws(&terminal, &["doctor"], "test"));
    assert!(
        doctor.contains("Amazon ECS at http://127.0.0.1"),
        "{doctor}"
    );

    // Without credentials nothing of ECS is claimed, and that is said; Kubernetes is not touched by it.
    let output = ask_aws(
        &terminal,
        &["why", ask, "--env", "production", "--json"],
        "",
    );
    let answer = json(&output);
    assert_eq!(answer["journeys"].as_array().map(Vec::len), Some(1));
    let unread = answer["unread"].to_string();
    assert!(unread.contains("Amazon ECS of "), "{unread}");
    let doctor = json(&ask_aws(&terminal, &["doctor", "--json"], ""));
    let connections = doctor["connections"].as_array().expect("connections");
    let aws = connections.iter().find(|one| one["name"] == "stand-in");
    let aws = aws.expect("the account is listed");
    assert_eq!(
        (&aws["state"]["state"], &aws["state"]["verb"]),
        (&value!("denied"), &value!("sign in")),
        "{aws}"
    );
}

/// Asks with an environment in which every setting of AWS leads astray.
fn ask_astray(terminal: &Terminal, words: &[&str]) -> Output {
    let mut command = terminal.command(words);
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", "somebody"),
        ("AWS_SECRET_ACCESS_KEY", "somebody"),
        ("AWS_SESSION_TOKEN", "somebody"),
        ("AWS_PROFILE", "nobody"),
        ("AWS_CONFIG_FILE", "/nowhere/config"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/nowhere/credentials"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
        ("AWS_ENDPOINT_URL_ECS", "http://127.0.0.1:1"),
        ("AWS_USE_FIPS_ENDPOINT", "true"),
        ("AWS_REGION", "nowhere-1"),
    ] {
        command.env(name, value);
    }
    command.output().expect("landfall runs")
}

#[test]
fn the_embedded_companys_ecs_needs_nobodys_credentials_and_stands_beside_kubernetes() {
    let company = Company::serve(1);
    let delivered = company.situation("ecs-delivered");
    let ask = delivered["ask"].as_str().expect("an ask");
    let app = delivered["app"].as_str().expect("an app");
    let terminal = company.terminal();
    let output = ask_astray(&terminal, &["why", ask, "--env", "production", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let answer = json(&output);
    let journey = &answer["journeys"][0];
    assert_eq!(journey["state"], "deployed", "{journey}");
    assert_eq!(journey["cluster"], "aws");

    let board = json(&ask_astray(&terminal, &["board", "--json"]));
    let rows = board["rows"].as_array().expect("rows");
    let row = rows.iter().find(|row| row["app"] == app).expect("its row");
    let cells = row["cells"].as_array().expect("cells").iter();
    let cells: Vec<_> = cells
        .map(|cell| (cell["environment"].as_str(), cell["cluster"].as_str()))
        .collect();
    let expected = [
        (Some("dev"), Some("nonprod")),
        (Some("staging"), Some("nonprod")),
        (Some("production"), Some("aws")),
    ];
    assert_eq!(cells, expected);

    let doctor = json(&ask_astray(&terminal, &["doctor", "--json"]));
    let connections = doctor["connections"].as_array().expect("connections");
    let aws = connections.iter().find(|one| one["name"] == "aws");
    let aws = aws.expect("the account is listed");
    assert_eq!(aws["state"]["state"], "live", "{aws}");
    let identity = "arn:aws:iam::123456789012:user/developer";
    assert_eq!(aws["identity"], identity, "{aws}");

    let rolled_back = company.situation("ecs-rolled-back");
    let ask = rolled_back["ask"].as_str().expect("an ask");
    let output = ask_astray(&terminal, &["why", ask, "--env", "production"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(
        text(&output).contains("circuit breaker"),
        "{}",
        text(&output)
    );
}
