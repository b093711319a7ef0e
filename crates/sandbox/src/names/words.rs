//! The vocabularies that a seed chooses from. The first word of each is seed 1's; no other seed uses it.

pub(super) const COMPANIES: &[&str] = &[
    "Tidewater",
    "Larkspur",
    "Fernhill",
    "Copperleaf",
    "Saltmarsh",
    "Brindle",
    "Quillfeather",
    "Oakhaven",
];
pub(super) const CODE_HOSTS: &[&str] = &["code", "git", "source", "forge"];
pub(super) const REGISTRY_HOSTS: &[&str] = &["registry", "images", "cr", "containers"];
pub(super) const OWNERS: &[&str] = &["shop", "engineering", "product", "platform"];
pub(super) const DEPLOY_REPOSITORIES: &[&str] = &["deploy", "fleet", "clusters", "gitops"];
pub(super) const MONOREPOS: &[&str] = &["messaging", "outreach", "comms", "engagement"];
pub(super) const NONPROD_CLUSTERS: &[&str] = &["nonprod", "preview", "testing", "lower"];
pub(super) const PROD_CLUSTERS: &[&str] = &["prod", "live", "main-eu", "customer"];
pub(super) const ACCOUNTS: &[&str] = &["aws", "aws-eu", "cloud", "retail-aws"];
pub(super) const SHOP_NAMESPACES: &[&str] = &["shop", "store", "web", "market"];
pub(super) const FULFILMENT_NAMESPACES: &[&str] = &["fulfilment", "logistics", "depot", "supply"];
pub(super) const PARTNER_FOLDERS: &[&str] = &["partners", "guilds", "affiliates", "squads"];
pub(super) const INGRESSES: &[&str] = &["ingress", "entry", "frontdoor", "traffic"];
pub(super) const GATEWAYS: &[&str] = &["gateway", "proxy", "portal", "access"];
pub(super) const ROUTES: &[&str] = &["routes", "paths", "hosts", "addresses"];

/// Roles and what an app of the role may be called. No name may begin another with a dash behind it.
pub(super) const APPS: &[(&str, &[&str])] = &[
    ("checkout", &["checkout", "till", "purchase", "cashdesk"]),
    ("catalog", &["catalog", "products", "assortment", "range"]),
    ("pricing", &["pricing", "tariffs", "quotes", "valuation"]),
    ("search", &["search", "finder", "lookup", "seeker"]),
    (
        "payments",
        &["payments", "billing", "acquirer", "remittance"],
    ),
    ("cart", &["cart", "basket", "trolley", "bag"]),
    ("orders", &["orders", "purchases", "bookings", "ledger"]),
    ("inventory", &["inventory", "stock", "warehouse", "shelves"]),
    ("shipping", &["shipping", "delivery", "parcels", "dispatch"]),
    (
        "accounts",
        &["accounts", "customers", "profiles", "members"],
    ),
    ("reviews", &["reviews", "ratings", "opinions", "feedback"]),
    (
        "recommendations",
        &["recommendations", "suggestions", "affinity", "discover"],
    ),
    (
        "notifications",
        &["notifications", "alerts", "postman", "messenger"],
    ),
    (
        "newsletter",
        &["newsletter", "mailings", "bulletin", "digests"],
    ),
    (
        "storefront",
        &["storefront", "homepage", "webshop", "facade"],
    ),
    ("loyalty", &["loyalty", "points", "rewards", "bonus"]),
    ("gifts", &["gifts", "presents", "vouchers", "giftcards"]),
    (
        "wishlist",
        &["wishlist", "favourites", "bookmarks", "saved"],
    ),
    ("returns", &["returns", "refunds", "sendbacks", "exchanges"]),
    (
        "subscriptions",
        &["subscriptions", "plans", "renewals", "standing"],
    ),
    ("stores", &["stores", "branches", "locations", "outlets"]),
    ("tax", &["tax", "duties", "levies", "vat"]),
    ("edge", &["edge", "cache", "relay", "rim"]),
    ("content", &["content", "pages", "editorial", "articles"]),
    ("gallery", &["gallery", "photos", "imagery", "pictures"]),
    ("coupons", &["coupons", "discounts", "promocodes", "deals"]),
    (
        "invoices",
        &["invoices", "receipts", "statements", "dunning"],
    ),
    (
        "addresses",
        &["addresses", "geocoder", "postcodes", "places"],
    ),
    (
        "translations",
        &["translations", "wordings", "locales", "phrases"],
    ),
    ("fraud", &["fraud", "risk", "screening", "scoring"]),
    ("forecasts", &["forecasts", "demand", "planner", "outlook"]),
    ("couriers", &["couriers", "drivers", "carriers", "riders"]),
    ("pickup", &["pickup", "collection", "lockers", "kiosk"]),
    ("sizing", &["sizing", "fitting", "measures", "tailor"]),
    ("archive", &["archive", "vault", "records", "attic"]),
    ("tickets", &["tickets", "support", "helpdesk", "queries"]),
];

pub(super) const PEOPLE: &[&str] = &[
    "Mina Osei",
    "Tomás Reyes",
    "Ingrid Halvorsen",
    "Ravi Menon",
    "Chloé Marchand",
    "Daniel Abara",
    "Yuki Tanabe",
    "Hanna Lindqvist",
    "Omar Farouk",
    "Greta Baumann",
    "Jonah Whitfield",
    "Lucía Ferrer",
    "Piotr Zieliński",
    "Amara Nwosu",
];

pub(super) const SUBJECTS: &[&str] = &[
    "Retry the upstream call once on timeout",
    "Round half to even where totals are shown",
    "Drop the old response field",
    "Log the request's identity with every error",
    "Cache lookups for a minute",
    "Accept currencies without minor units",
    "Return 409 when the version is stale",
    "Close idle connections after 30 seconds",
    "Sort results that have the same score by name",
    "Raise the batch size to 200",
    "Show the delivery date in the customer's time zone",
    "Reject empty identifiers early",
    "Measure the queue's depth",
    "Read the limit from the configuration",
    "Keep the last page when filters change",
    "Use the new address format",
    "Trim white space in names",
    "Stop the worker before the listener",
    "Answer health checks before the first sync",
    "Translate the missing messages",
    "Mask card numbers in traces",
    "Write dates in the long form",
    "Count retries apart from requests",
    "Prefer the nearest warehouse",
    "Prepare for items that are sold by weight",
    "Skip archived entries",
    "Fill gaps in the monthly report",
    "Allow two addresses per customer",
    "Time out slow exports",
    "Paginate the audit list",
    "Validate the webhook's signature",
    "Warn before a voucher ends",
    "Deduplicate events by key",
    "Compress responses above a kilobyte",
];
