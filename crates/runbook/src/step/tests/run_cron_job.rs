//! CronJobs that are run now.

use super::*;

fn step() -> Step {
    Step::RunCronJob {
        within: Within::default(),
    }
}

fn cron_job() -> Json {
    json!({
        "metadata": {"name": "backup", "namespace": "shop", "uid": "u", "resourceVersion": "7"},
        "spec": {
            "schedule": "0 3 * * *",
            "jobTemplate": {
                "metadata": {"labels": {"app": "backup"}, "annotations": {"team": "shop"}},
                "spec": {"backoffLimit": 2, "template": {"spec": {"containers": [{"name": "backup", "image": "backup:1"}]}}},
            },
        },
    })
}

/// A Job of it that is not over.
fn running(fields: &[(&str, Json)]) -> Json {
    let job = json!({
        "metadata": {"name": "backup-2", "namespace": "shop", "ownerReferences": [{"uid": "u"}]},
        "status": {"active": 1},
    });
    with(&job, fields)
}

#[test]
fn one_job_is_made_that_is_called_as_the_run_is() {
    let planned = planned(&step(), &on("CronJob", "backup"), &cron_job()).expect("fits");
    let [Call::Object(call)] = &planned.steps[0].calls[..] else {
        panic!("one call")
    };
    assert_eq!(call.path, "/apis/batch/v1/namespaces/shop/jobs");
    assert_eq!(call.right.to_string(), "create jobs in shop");
    assert_eq!(
        call.body(&run()),
        json!({
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {
                "name": "backup-r1",
                "namespace": "shop",
                "labels": {"app": "backup"},
                "annotations": {"team": "shop", "cronjob.kubernetes.io/instantiate": "manual", "landfall.dev/run": "r1"},
                "ownerReferences": [{
                    "apiVersion": "batch/v1", "kind": "CronJob", "name": "backup", "uid": "u", "controller": true,
                }],
            },
            "spec": {"backoffLimit": 2, "template": {"spec": {"containers": [{"name": "backup", "image": "backup:1"}]}}},
        })
    );
    assert_eq!(
        changes(&planned),
        ["metadata.name: - -> backup-(the run's id)"]
    );
    assert_eq!(
        watches(&planned.steps[0], &run(), &Ground::default()),
        [Look::Object(on("Job", "backup-r1"))]
    );
    assert!(planned.cautions.is_empty() && planned.touches.is_empty());
}

#[test]
fn the_longest_names_still_make_one_that_kubernetes_takes() {
    let name = "a-rather-long-name-of-cron.job-that-goes-on-and-on-52";
    let planned = planned(&step(), &on("CronJob", name), &cron_job()).expect("fits");
    let run = RunId::new("123e4567-e89b-12d3-a456-426614174000");
    let made = planned.steps[0].calls[0]
        .object()
        .expect("of an object")
        .subject(&run)
        .name;
    assert_eq!(made, format!("a-rather-long-name-of-cron-{run}"));
    assert_eq!(made.len(), 63);
}

#[test]
fn a_cron_job_that_forbids_two_at_a_time_is_not_run_beside_one() {
    let object = on("CronJob", "backup");
    let plan_with = |policy: &str, job: Json| {
        let json = with(&cron_job(), &[("/spec/concurrencyPolicy", json!(policy))]);
        said(
            &step(),
            &object,
            &ground(&object, Read::Object(json), &[("Job", job)]),
            "",
        )
    };
    assert_eq!(
        plan_with("Forbid", running(&[])).expect_err("unfit"),
        "CronJob shop/backup forbids two at a time, and Job shop/backup-2 still runs"
    );
    let over = running(&[(
        "/status/conditions",
        json!([{"type": "Complete", "status": "True"}]),
    )]);
    let others = running(&[("/metadata/ownerReferences", json!([{"uid": "v"}]))]);
    for job in [over, others] {
        assert_eq!(
            plan_with("Forbid", job).expect("fits").cautions,
            ["A Job that the schedule starts meanwhile does not wait for this one"]
        );
    }
    assert_eq!(
        plan_with("Allow", running(&[])).expect("fits").touches,
        [
            "Job shop/backup-2 still runs: both run at the same time",
            "The newest Job of it is backup-2"
        ]
    );
}

#[test]
fn the_same_words_said_twice_made_two_jobs() {
    let object = on("CronJob", "backup");
    let said = |jobs: &[(&'static str, serde_json::Value)]| {
        said(
            &step(),
            &object,
            &ground(&object, Read::Object(cron_job()), jobs),
            "",
        )
        .expect("fits")
    };
    let job = |name: &str, made: &str| {
        json!({
            "metadata": {
                "name": name, "namespace": "shop", "creationTimestamp": made,
                "ownerReferences": [{"uid": "u"}],
            },
            "status": {"conditions": [{"type": "Complete", "status": "True"}]},
        })
    };
    assert!(said(&[]).touches.is_empty());
    let old = job("backup-z", "2026-11-01T00:00:00Z");
    let new = job("backup-r1", "2026-11-02T00:00:00Z");
    assert_eq!(
        said(&[("Job", new), ("Job", old)]).touches,
        ["The newest Job of it is backup-r1"]
    );
}

#[test]
fn where_jobs_cannot_be_listed_the_cron_jobs_own_list_counts() {
    let object = on("CronJob", "backup");
    let json = with(
        &cron_job(),
        &[
            ("/spec/concurrencyPolicy", json!("Forbid")),
            ("/status/active", json!([{"name": "backup-3"}])),
        ],
    );
    let mut ground = Ground::at(Timestamp::UNIX_EPOCH);
    ground.add(Look::Object(object.clone()), Read::Object(json));
    ground.add(
        looks(&step(), &object, &ground)[1].clone(),
        Read::Unknown("not allowed".to_owned()),
    );
    assert_eq!(
        said(&step(), &object, &ground, "").expect_err("unfit"),
        "CronJob shop/backup forbids two at a time, and Job shop/backup-3 still runs"
    );
}

#[test]
fn a_template_with_a_password_in_it_is_not_written_into_a_plan() {
    let env = json!([{"name": "DB_PASSWORD", "value": "hunter2"}]);
    let json = with(
        &cron_job(),
        &[(
            "/spec/jobTemplate/spec/template/spec",
            json!({"containers": [{"name": "b", "env": env}]}),
        )],
    );
    let says = planned(&step(), &on("CronJob", "backup"), &json).expect_err("unfit");
    assert_eq!(
        says,
        "the template of CronJob shop/backup holds what looks like a secret (the variable DB_PASSWORD), and a plan is written down: it belongs in a Secret that the template names"
    );
}

#[test]
fn a_template_that_is_none_and_what_may_not_be_seen_are_said() {
    let object = on("CronJob", "backup");
    let without = with(&cron_job(), &[("/spec/jobTemplate", json!("no"))]);
    assert_eq!(
        planned(&step(), &object, &without).expect_err("unfit"),
        "spec.jobTemplate.spec.ttlSecondsAfterFinished of CronJob shop/backup is not there"
    );
    let fleeting = with(
        &cron_job(),
        &[
            ("/spec/successfulJobsHistoryLimit", json!(0)),
            ("/spec/suspend", json!(true)),
        ],
    );
    assert_eq!(
        planned(&step(), &object, &fleeting).expect("fits").cautions,
        [
            "CronJob shop/backup is suspended: it runs this once, and stays suspended",
            "A Job of it is deleted soon after its end: whether it succeeded may not be seen",
        ]
    );
}

#[test]
fn a_run_has_worked_only_when_its_own_job_has_succeeded() {
    let planned = planned(&step(), &on("CronJob", "backup"), &cron_job()).expect("fits");
    let job = json!({"metadata": {"annotations": {"landfall.dev/run": OURS}}, "spec": {}});
    let is = |kind: &str| json!([{"type": kind, "status": "True", "reason": "R", "message": "m"}]);
    for (fields, says) in [
        (
            vec![("/status/conditions", is("Complete"))],
            "worked: Job shop/backup-r1 has succeeded",
        ),
        (
            vec![("/status/conditions", is("Failed"))],
            "failed: Job shop/backup-r1 has failed (R: m)",
        ),
        (
            vec![("/status/conditions", is("SuccessCriteriaMet"))],
            "not yet: Job shop/backup-r1: 0 pods are active",
        ),
        (
            vec![("/status", json!({"active": 1, "failed": 1}))],
            "not yet: Job shop/backup-r1: 1 pod is active, 1 pod failed before",
        ),
        (
            vec![("/spec/suspend", json!(true))],
            "not yet: Job shop/backup-r1 is suspended: it begins when somebody resumes it",
        ),
        (
            vec![("/metadata/deletionTimestamp", json!("2026-01-01T00:00:00Z"))],
            "failed: Job shop/backup-r1 is being deleted before its end",
        ),
        (
            vec![
                ("/status/conditions", is("Complete")),
                ("/metadata/annotations", json!(null)),
            ],
            "unknown: Job shop/backup-r1 does not carry this run's mark: somebody has removed it, or the change never came",
        ),
        (
            vec![("/status/conditions", json!({}))],
            "unknown: status.conditions of Job shop/backup-r1 is not a list",
        ),
    ] {
        assert_eq!(
            told(&after(&planned, Read::Object(with(&job, &fields)))),
            says
        );
    }
    assert_eq!(
        told(&after(&planned, Read::Absent)),
        "unknown: Job shop/backup-r1 is not there: whether it was made, and succeeded, cannot be told"
    );
}
