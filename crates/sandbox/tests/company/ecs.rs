//! What the situations on Amazon ECS claim, looked up in the account.

use sandbox::company::Company;
use sandbox::company::apps::{App, Environment};
use serde_json::{Value, json};

/// One app's service, as the account has it.
struct Service<'a> {
    company: &'a Company,
    app: &'a App,
}

impl Service<'_> {
    fn ask(&self, action: &str, mut asked: Value) -> Value {
        asked["cluster"] = self.app.namespace(Environment::Production).into();
        let answer = self.company.amazon.ask(action, &asked);
        answer.unwrap_or_else(|| panic!("{action} {asked} is refused"))
    }

    fn service(&self) -> Value {
        let answer = self.ask("DescribeServices", json!({"services": [self.app.name]}));
        answer["services"][0].clone()
    }

    /// The tasks of a status, whole.
    fn tasks(&self, status: &str) -> Vec<Value> {
        let asked = json!({"serviceName": self.app.name, "desiredStatus": status});
        let arns = self.ask("ListTasks", asked)["taskArns"].clone();
        if arns.as_array().is_none_or(Vec::is_empty) {
            return Vec::new();
        }
        let answer = self.ask("DescribeTasks", json!({"tasks": arns}));
        answer["tasks"].as_array().unwrap().clone()
    }

    /// Two tasks run a commit's image, and none another.
    fn runs(&self, label: &'static str) {
        let digest = &self.company.landmarks[&(self.app.spec.role, label)].digest;
        let tasks = self.tasks("RUNNING");
        let up: Vec<_> = tasks
            .iter()
            .filter(|task| task["lastStatus"] == "RUNNING")
            .collect();
        assert_eq!(up.len(), 2, "{}: {tasks:?}", self.app.name);
        for task in up {
            assert_eq!(task["containers"][0]["imageDigest"], digest.as_str());
        }
    }

    /// The image that the service's task definition names.
    fn names(&self) -> String {
        let definition = json!({"taskDefinition": self.service()["taskDefinition"]});
        let answer = self.ask("DescribeTaskDefinition", definition);
        let image = &answer["taskDefinition"]["containerDefinitions"][0]["image"];
        image.as_str().unwrap().to_owned()
    }

    fn image(&self, label: &'static str) -> String {
        let tag = &self.company.landmarks[&(self.app.spec.role, label)].tag;
        assert!(!tag.is_empty());
        format!("{}:{tag}", self.app.image)
    }

    /// The image that the newest revision of the family names.
    fn newest(&self) -> String {
        let answer = self.ask(
            "DescribeTaskDefinition",
            json!({"taskDefinition": self.app.name}),
        );
        let image = &answer["taskDefinition"]["containerDefinitions"][0]["image"];
        image.as_str().unwrap().to_owned()
    }

    /// The service wants a commit's image, and its deployment goes on for ever while the old tasks run.
    fn is_stuck_on(&self, label: &'static str) {
        assert_eq!(self.names(), self.image(label));
        let service = self.service();
        assert_eq!(service["deployments"][0]["rolloutState"], "IN_PROGRESS");
        self.runs("first");
    }
}

/// Looks whether a situation on ECS is as it says.
pub fn check(company: &Company, name: &str) {
    let of = |role: &str| Service {
        company,
        app: company.app(role).unwrap(),
    };
    match name {
        "ecs-delivered" => {
            let service = of("invoices");
            service.runs("second");
            assert_eq!(service.names(), service.image("second"));
            let deployments = service.service()["deployments"].clone();
            assert_eq!(deployments.as_array().map(Vec::len), Some(1));
            assert_eq!(deployments[0]["rolloutState"], "COMPLETED");
        }
        "ecs-not-registered" => {
            let service = of("invoices");
            assert_eq!(service.newest(), service.image("second"));
            assert_ne!(service.image("second"), service.image("third"));
        }
        "ecs-rolled-back" => {
            let service = of("addresses");
            service.runs("first");
            assert_eq!(service.names(), service.image("first"));
            let asked = json!({"service": service.app.name});
            let listed = service.ask("ListServiceDeployments", asked);
            let newest = &listed["serviceDeployments"][0];
            assert_eq!(newest["status"], "ROLLBACK_SUCCESSFUL");
            let why = newest["statusReason"].as_str().unwrap();
            assert!(why.contains("circuit breaker"), "{why}");
            let stopped = service.tasks("STOPPED");
            assert!(stopped.len() >= 3, "{stopped:?}");
            for task in stopped {
                let why = task["stoppedReason"].as_str().unwrap();
                assert!(why.starts_with("CannotPullContainerError"), "{why}");
            }
        }
        "ecs-service-not-updated" => {
            let service = of("addresses");
            assert_eq!(service.newest(), service.image("third"));
            assert_ne!(service.names(), service.image("third"));
        }
        "ecs-task-cannot-start" => {
            let service = of("translations");
            service.is_stuck_on("second");
            let stopped = service.tasks("STOPPED");
            assert!(!stopped.is_empty());
            assert!(stopped.iter().all(|task| {
                let why = task["stoppedReason"].as_str().unwrap();
                task["stopCode"] == "TaskFailedToStart" && why.contains("specified secret")
            }));
        }
        "ecs-task-exits" => {
            let service = of("fraud");
            service.is_stuck_on("second");
            let stopped = service.tasks("STOPPED");
            assert!(!stopped.is_empty());
            for task in stopped {
                assert_eq!(task["stopCode"], "EssentialContainerExited");
                assert_eq!(task["containers"][0]["exitCode"], 1);
            }
        }
        "ecs-no-placement" => {
            let service = of("forecasts");
            service.is_stuck_on("second");
            assert!(service.tasks("STOPPED").is_empty());
            let newest = service.service()["events"][0]["message"].clone();
            let newest = newest.as_str().unwrap();
            assert!(newest.contains("was unable to place a task"), "{newest}");
        }
        "ecs-deploying" => {
            let service = of("couriers");
            service.is_stuck_on("second");
            assert!(service.tasks("STOPPED").is_empty());
            assert_eq!(service.tasks("RUNNING").len(), 4, "two are still to start");
        }
        "ecs-unhealthy" => {
            let service = of("pickup");
            service.is_stuck_on("second");
            for task in service.tasks("STOPPED") {
                let why = task["stoppedReason"].as_str().unwrap();
                assert!(why.contains("failed ELB health checks"), "{why}");
            }
        }
        "ecs-deployment-failed" => {
            let service = of("sizing");
            assert_eq!(service.names(), service.image("second"));
            let failed = &service.service()["deployments"][0];
            assert_eq!(failed["rolloutState"], "FAILED");
            assert!(
                service.tasks("STOPPED").is_empty(),
                "AWS has forgotten them"
            );
            service.runs("first");
        }
        "ecs-scaled-to-zero" => {
            let service = of("archive");
            assert_eq!(service.names(), service.image("second"));
            let said = service.service();
            assert_eq!(
                (&said["desiredCount"], &said["runningCount"]),
                (&json!(0), &json!(0))
            );
        }
        "ecs-target-unused" => {
            let service = of("tickets");
            assert_eq!(service.names(), service.image("second"));
            service.runs("second");
        }
        other => panic!("nobody looks at {other}"),
    }
}
