//! The table: every check with what it proves.

use futures::future::BoxFuture;

use crate::broken::Checked;
use crate::checks::{
    access, applying, creating, custom, deleting, discovery, dry_run, events, finalizers, forms,
    listing, managers, pages, parts, patching, pods, refusals, reviews, selectors, streaming,
    updating, validating, watching,
};
use crate::world::World;

/// One check.
#[derive(Clone, Copy)]
pub struct Check {
    /// Its topic and its name: `watching::too_old`.
    pub name: &'static str,
    /// What it proves.
    pub proves: &'static str,
    pub(crate) run: Run,
}

/// One check of what the embedded company's server does not have yet.
#[derive(Clone, Copy)]
pub struct Later {
    /// The check; it runs against a real server only.
    pub check: Check,
    /// Why it is not there yet.
    pub because: &'static str,
}

pub(crate) type Run = for<'a> fn(&'a World) -> BoxFuture<'a, Checked>;

impl std::fmt::Debug for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl std::fmt::Debug for Later {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.check.name, self.because)
    }
}

macro_rules! check {
    ($topic:ident :: $name:ident, $proves:literal) => {
        Check {
            name: concat!(stringify!($topic), "::", stringify!($name)),
            proves: $proves,
            run: |world| Box::pin($topic::$name(world)),
        }
    };
}

/// A name, an arrow and what it proves: one line a check, which rustfmt leaves alone.
macro_rules! checks {
    ($($topic:ident :: $name:ident => $proves:literal;)*) => {
        &[$(check!($topic::$name, $proves)),*]
    };
}

macro_rules! later {
    ($($topic:ident :: $name:ident => $proves:literal, because $because:ident;)*) => {
        &[$(Later { check: check!($topic::$name, $proves), because: $because }),*]
    };
}

/// What holds on both servers.
pub static CHECKS: &[Check] = checks! {
    discovery::core_versions => "/api names v1";
    discovery::groups => "/apis lists groups with their preferred version";
    discovery::one_group => "a group answers for itself";
    discovery::resources => "/api/v1 lists resources with verbs, short names and scope";
    discovery::subresources => "status, scale and eviction are listed with their kinds";
    discovery::all_at_once => "the aggregated form carries the same";
    discovery::nothing_there => "unknown groups and paths answer 404 in plain text, versions as a Status";
    discovery::version => "/version names the server's version";
    discovery::health => "/readyz and /livez say ok";
    discovery::date => "every answer, a refusal too, carries the server's date";
    listing::shape => "a list has its kind, a version, and sorted items that do not repeat their kind";
    listing::all_namespaces => "a list without a namespace is of all";
    listing::empty => "a namespace that does not exist lists nothing, as an empty list";
    listing::any_version => "version 0 and a known version give what is there";
    listing::exact_version => "an exact version gives what was there";
    listing::version_to_come => "a version that is still to come answers 504 and when to ask again";
    listing::version_that_is_none => "a version that is no number answers 400";
    pages::whole => "pages are complete, of one version, and count what remains";
    pages::one_moment => "later pages show what was there when the first was read";
    pages::expired => "a continue token that is too old answers 410 and offers the rest of a newer moment";
    pages::nonsense => "a continue token that nobody gave answers 400";
    pages::with_version => "a continue token beside a version answers 400";
    pages::with_selector => "pages of a selector hold only what it chooses and count nothing";
    watching::from_version => "changes after a version arrive in order, with growing versions";
    watching::without_version => "a watch without a version begins with what is there";
    watching::resumed => "a watch that begins at an event's version misses and repeats nothing";
    watching::ends => "a watch ends in good order after its timeout";
    watching::bookmarks => "bookmarks say how far a watch is, and nothing else";
    watching::by_selector => "entering and leaving a selector's sight is ADDED and DELETED";
    watching::one_object => "a watch by name is of that name";
    watching::everywhere => "a watch without a namespace is of all";
    watching::too_old => "a version that is forgotten answers 410, as an event or a status";
    watching::custom => "custom resources are watched like others";
    streaming::initial_events => "a streaming list ends with its bookmark and goes on as a watch";
    streaming::of_nothing => "a streaming list of nothing has its bookmark too";
    streaming::without_match => "sendInitialEvents without resourceVersionMatch answers 422";
    selectors::labels => "labels by equality, by set, by being there";
    selectors::fields => "fields by equality, here and everywhere";
    selectors::field_that_is_none => "a field that nobody can choose by answers 400";
    selectors::label_that_is_none => "a label selector that is none answers 400";
    creating::stamped => "a new object gets UID, time and version from the server, whatever was sent";
    creating::taken => "a taken name answers 409 AlreadyExists";
    creating::no_namespace => "creating in a namespace that does not exist answers 404";
    creating::bad_name => "a name that is none answers 422 at metadata.name";
    creating::no_name => "no name answers 422 as required";
    creating::generated_name => "generateName makes new names of five more letters";
    creating::elsewhere => "an object of another namespace answers 400";
    creating::another_kind => "an object of another kind answers 400";
    creating::yaml => "YAML is understood";
    creating::namespace => "a namespace begins Active, with its label and finalizer";
    updating::stale => "an old version answers 409 and changes nothing";
    updating::unconditional => "without a version the newest is replaced, and stays itself";
    updating::unchanged => "writing what is there makes no new version";
    updating::another_name => "another name than the path's answers 400";
    updating::another_uid => "another UID answers 409";
    updating::missing => "replacing what is not there answers 404";
    updating::generation => "the generation counts changes of the spec only";
    updating::two_at_once => "of several who write at once from one version, one wins";
    patching::json_patch => "JSON patch tests, replaces, adds, removes";
    patching::failed_step => "a JSON patch whose step fails answers 422 and changes nothing";
    patching::merge => "merge patch replaces lists, and null removes";
    patching::strategic => "strategic merge patch merges lists by their key, and deletes from them";
    patching::stale => "a patch with an old version answers 409";
    patching::another_uid => "a patch with another UID answers 422 at metadata.uid, and of a scale 409";
    patching::meant => "a patch with the UID and version that are there is made, once";
    patching::malformed => "a patch that is none answers 400, and of no known type 415";
    patching::missing => "patching what is not there answers 404";
    patching::renamed => "a patch cannot rename";
    patching::strategic_of_custom => "custom resources have no strategic merge patch: 415";
    applying::creates => "apply creates, records its owner, and is idempotent";
    applying::conflict => "apply of another's field answers 409 and names field and manager";
    applying::force => "force takes the field over from its owner";
    applying::same_value => "the same value is owned by both, and stays until both let go";
    applying::removes => "what its owner no longer applies goes; others' fields stay";
    applying::against_updates => "fields of those who update conflict too";
    applying::lists => "lists merge by their key, and owners lose only their own elements";
    applying::nobody => "apply without a manager, and force without apply, answer 422";
    applying::custom => "custom resources and their status are applied alike";
    applying::stale => "apply with an old version answers 409";
    applying::bookkeeping => "managedFields cannot be applied";
    managers::forgotten => "the record can be cleared";
    managers::recorded => "create and patch record who wrote which field";
    managers::annotated => "an annotation is its writer's, and takes nothing from others";
    managers::of_status => "the status' writer is recorded apart";
    dry_run::create => "a dry run of create answers as in earnest and stores nothing";
    dry_run::change => "a dry run of patch and update stores nothing";
    dry_run::delete => "a dry run of delete, by query and by body, deletes nothing";
    dry_run::delete_beside_a_body => "beside a body a delete's query is not read: a dry run there deletes in earnest";
    dry_run::conditions => "a dry run finds an old version and another UID, and stores nothing";
    dry_run::unknown_stage => "another dry run than All answers 422, and stores nothing";
    dry_run::apply => "a dry run of apply finds conflicts and stores nothing";
    parts::status_replaced => "the status of a built-in kind is replaced apart, with conflicts";
    parts::no_status => "a kind without status has no such part";
    parts::scale_read => "the scale is read as an object of its own";
    parts::scale_written => "the scale is patched and replaced, with conflicts, and changes only replicas";
    parts::scale_negative => "a negative scale answers 422";
    parts::status_on_creating => "a status is ignored on creating";
    parts::status_apart => "the status is ignored on the object, and all else on the status";
    parts::scale_of_custom => "a custom resource's scale follows its definition";
    pods::log_of_nobody => "the log of no pod answers 404";
    pods::log_of_which => "the log of one of several containers must say which";
    pods::log_of_no_container => "the log of no container answers 400";
    pods::log_before_scheduling => "the log of a pod that no node has is empty";
    pods::evicted => "eviction ends a pod, and its dry run does not";
    pods::evicted_by_another_name => "an eviction of another name answers 400";
    pods::deleted_at_once => "deleting a pod answers with the pod";
    deleting::answered => "deleting answers with a Status that names what went";
    deleting::preconditions => "preconditions on UID and version answer 409";
    deleting::in_background => "Background deletes the object at once";
    deleting::in_foreground => "Foreground marks the object and answers with it";
    deleting::orphaning => "Orphan marks the object and answers with it";
    deleting::unknown_policy => "an unknown policy answers 422 and deletes nothing";
    deleting::collection => "a collection goes by selector, and the answer lists what went";
    deleting::namespace => "a namespace that goes is Terminating";
    finalizers::marks => "a finalizer holds an object that is marked, until it lets go";
    finalizers::watched => "its end is seen as DELETED";
    finalizers::no_new_ones => "nobody can hold what is going already: 422";
    finalizers::stay_until_the_last => "one of two finalizers still holds, and no deletion is taken back";
    reviews::may => "SelfSubjectAccessReview answers with the question";
    reviews::may_not => "SelfSubjectAccessReview follows the roles";
    reviews::everywhere => "a review without a namespace is of all of them, verb by verb, and apart for a subresource";
    reviews::by_name => "a review of one object follows a role's resourceNames";
    reviews::may_what => "a review of nothing answers 422; paths are reviewed too";
    reviews::rules => "SelfSubjectRulesReview lists the roles' rules";
    reviews::rules_where => "SelfSubjectRulesReview needs a namespace";
    reviews::myself => "SelfSubjectReview says who one is";
    reviews::only_asked => "reviews cannot be listed: 405";
    access::unknown_token => "an unknown token answers 401, wherever";
    access::forbidden => "a refusal names user, verb, resource and scope";
    access::forbidden_before_missing => "whether one may comes before whether it is there";
    access::by_role => "a Role allows what it says in its namespace alone";
    access::by_cluster_role => "a ClusterRole with a binding allows everywhere";
    access::bindings => "ClusterRoleBindings name the role and whom it is bound to, for those who may list them";
    access::speaking_for_others => "an account has a token, and may not impersonate";
    access::only_these => "resourceNames allow those names only";
    refusals::no_object => "404 names the object";
    refusals::no_resource => "404 of an unknown resource is a Status";
    refusals::no_method => "405 where a method has no meaning";
    refusals::no_form => "406 for a form that nobody has";
    refusals::no_media_type => "415 names what would be understood";
    refusals::no_json => "400 for a body that is no object";
    refusals::too_large => "413 for a body beyond the limit";
    forms::table => "pods as a table: columns, cells, rows' metadata";
    forms::table_of_workloads => "one object and Events as tables";
    forms::table_rows => "rows carry the object or nothing, as asked";
    forms::watched_table => "a watch in tables names its columns once";
    forms::metadata => "metadata alone: one, listed, watched";
    forms::unknown_form => "406 for a form that nobody knows";
    events::kept => "an Event is kept as it was recorded";
    events::chosen => "Events are chosen by whom they are about";
    validating::workload => "a workload that contradicts itself answers 422 with every cause";
    validating::immutable => "a selector cannot change";
    validating::labels => "a label that is none answers 422";
    validating::pods => "two containers of one name answer 422";
    custom::established => "a definition is accepted and established";
    custom::discovered => "its kind and parts are discovered";
    custom::listed => "its objects are listed with their kind";
    custom::unconditional => "replacing without a version answers 422";
    custom::own_definition => "a new definition serves a kind, and takes it with it";
};

const CUSTOM: &str = "it looks at no definition's schema and columns";
const EVENTS: &str = "its Events are of the core group only";
const SCHEMAS: &str = "it has no schemas of built-in kinds";

/// What only a real server has yet.
pub static LATER: &[Later] = later! {
    forms::table_of_custom => "custom resources have their definition's columns", because CUSTOM;
    custom::defaulted_and_pruned => "defaults are filled in, unknown fields dropped", because CUSTOM;
    custom::validated => "its schema refuses with the path and reason of each field", because CUSTOM;
    events::in_their_group => "events.k8s.io shows the same Events in its own words", because EVENTS;
    events::made_in_their_group => "an Event of events.k8s.io is read in core words", because EVENTS;
    validating::types => "a field of another type answers 400", because SCHEMAS;
    validating::unknown_fields => "unknown fields are refused where that is asked, else dropped", because SCHEMAS;
};
