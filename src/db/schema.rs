//! The tables for Diesel, with the same columns as in `migrations/`; a test compares them with both databases.
#![expect(missing_docs, reason = "the tables are documented in migrations/")]

diesel::table! {
    audit_events (id) {
        id -> Text,
        kind -> Text,
        happened_at -> Timestamp,
        user_id -> Nullable<BigInt>,
        client_id -> Nullable<Text>,
        session_id -> Nullable<Text>,
        network_address -> Nullable<Text>,
        detail -> Nullable<Text>,
        occurrences -> BigInt,
        actor -> Nullable<Text>,
        actor_user_id -> Nullable<BigInt>,
        reason -> Nullable<Text>,
    }
}

diesel::table! {
    clients (id) {
        id -> Text,
        name -> Text,
        secret_hash -> Text,
        grants -> Text,
        scopes -> Text,
        created_at -> Timestamp,
        secret_changed_at -> Timestamp,
        forwards_client_address -> Bool,
    }
}

diesel::table! {
    counters (name) {
        name -> Text,
        value -> BigInt,
    }
}

diesel::table! {
    known_devices (id) {
        id -> Text,
        user_id -> BigInt,
        kind -> Text,
        created_at -> Timestamp,
        last_used_at -> Timestamp,
    }
}

diesel::table! {
    links (id) {
        id -> Text,
        purpose -> Text,
        secret_hash -> Text,
        user_id -> Nullable<BigInt>,
        created_at -> Timestamp,
        expires_at -> Timestamp,
        used_at -> Nullable<Timestamp>,
        email -> Nullable<Text>,
        roles -> Nullable<Text>,
    }
}

diesel::table! {
    login_attempts (bucket) {
        bucket -> Text,
        account -> Text,
        failures -> BigInt,
        in_flight -> BigInt,
        window_started_at -> Timestamp,
        last_tried_at -> Timestamp,
        last_failed_at -> Timestamp,
    }
}

diesel::table! {
    outbox (id) {
        id -> Text,
        kind -> Text,
        user_id -> Nullable<BigInt>,
        message_sealed -> Text,
        created_at -> Timestamp,
        expires_at -> Timestamp,
        next_try_at -> Timestamp,
        claimed_until -> Nullable<Timestamp>,
        tries -> BigInt,
        last_error -> Nullable<Text>,
    }
}

diesel::table! {
    refresh_tokens (token_hash) {
        token_hash -> Text,
        family_id -> Text,
        client_id -> Nullable<Text>,
        scope -> Text,
        created_at -> Timestamp,
        used_at -> Nullable<Timestamp>,
        superseded_at -> Nullable<Timestamp>,
        successor_hash -> Nullable<Text>,
        successor_sealed -> Nullable<Text>,
        successor_at -> Nullable<Timestamp>,
        successors_lost -> BigInt,
        generation -> BigInt,
    }
}

diesel::table! {
    role_scopes (role, scope) {
        role -> Text,
        scope -> Text,
    }
}

diesel::table! {
    sessions (id) {
        id -> Text,
        kind -> Text,
        user_id -> Nullable<BigInt>,
        client_id -> Nullable<Text>,
        secret_hash -> Nullable<Text>,
        amr -> Text,
        created_at -> Timestamp,
        authenticated_at -> Timestamp,
        last_used_at -> Timestamp,
        access_until -> Timestamp,
        ended_at -> Nullable<Timestamp>,
        end_reason -> Nullable<Text>,
        network_address -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        scope -> Nullable<Text>,
        expires_at -> Nullable<Timestamp>,
        signing_kid -> Nullable<Text>,
        earlier_kid -> Nullable<Text>,
        earlier_access_until -> Nullable<Timestamp>,
        proxy_secret_hash -> Nullable<Text>,
        is_remembered -> Bool,
        has_holders -> Bool,
        unlisted_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    signing_keys (kid) {
        kid -> Text,
        algorithm -> Text,
        private_key_sealed -> Text,
        public_jwk -> Text,
        created_at -> Timestamp,
        retired_at -> Nullable<Timestamp>,
        signs_from -> Nullable<Timestamp>,
    }
}

diesel::table! {
    token_holders (id) {
        id -> Text,
        user_id -> Nullable<BigInt>,
        client_id -> Nullable<Text>,
        is_for_users -> Bool,
        generation -> BigInt,
        access_until -> Nullable<Timestamp>,
    }
}

diesel::table! {
    user_roles (user_id, role) {
        user_id -> BigInt,
        role -> Text,
        granted_at -> Timestamp,
    }
}

diesel::table! {
    username_skeletons (skeleton, version, user_id) {
        skeleton -> Text,
        version -> BigInt,
        user_id -> BigInt,
    }
}

diesel::table! {
    users (id) {
        id -> BigInt,
        public_id -> Text,
        username -> Text,
        username_key -> Text,
        display_name -> Nullable<Text>,
        email -> Nullable<Text>,
        password_hash -> Nullable<Text>,
        password_changed_at -> Nullable<Timestamp>,
        created_at -> Timestamp,
        last_signed_in_at -> Nullable<Timestamp>,
        disabled_at -> Nullable<Timestamp>,
        deleted_at -> Nullable<Timestamp>,
        language -> Nullable<Text>,
        email_key -> Nullable<Text>,
        email_verified_at -> Nullable<Timestamp>,
        new_password_required_at -> Nullable<Timestamp>,
    }
}

diesel::joinable!(known_devices -> users (user_id));
diesel::joinable!(refresh_tokens -> sessions (family_id));
diesel::joinable!(links -> users (user_id));
diesel::joinable!(sessions -> users (user_id));
diesel::joinable!(token_holders -> users (user_id));
diesel::joinable!(user_roles -> users (user_id));
diesel::joinable!(username_skeletons -> users (user_id));

diesel::allow_tables_to_appear_in_same_query!(
    audit_events,
    clients,
    counters,
    known_devices,
    links,
    login_attempts,
    outbox,
    refresh_tokens,
    role_scopes,
    sessions,
    signing_keys,
    token_holders,
    user_roles,
    username_skeletons,
    users,
);
