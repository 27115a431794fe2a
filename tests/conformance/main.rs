//! What every adapter of a port must do: one body of tests, run against each adapter there is.
//!
//! `fixture` says what a test is given. One file per port holds its cases (`tenants`,
//! `channels_and_keys`, `removal` and `lists` for the tenants' store), each a behaviour that a
//! caller relies on. `local` and its like set an adapter up and add what only that one promises.
//!
//! A new adapter writes a [`fixture::Fixture`] (`None` where its service cannot be had) and adds
//! one line to `conformance!` below. A new case is named in `cases!`; one that is not is dead code,
//! which does not pass the lints.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic fails the test; the cases are no #[test] functions themselves"
)]

mod addresses;
mod aws;
mod aws_channels;
mod aws_conversations;
mod aws_deploys;
mod aws_faults;
mod aws_items;
mod aws_lost_answers;
mod aws_secrets;
mod budgets;
mod channels_and_keys;
mod conversations;
mod fixture;
mod ledger;
mod lists;
mod local;
mod local_crash;
mod notes;
mod operators;
mod owners;
mod removal;
mod retention;
mod secrets;
mod tenants;
mod transfer;
mod turns;
mod usage;
mod user_export;

use std::io::Write;

/// Makes a test of each case, with a fixture of its own.
macro_rules! cases {
    ($fixture:expr; $($port:ident { $($case:ident)* })*) => {
        /// Every case there is.
        pub(crate) const CASES: &[&str] = &[$($(concat!(stringify!($port), "::", stringify!($case))),*),*];
        $(
            mod $port {$(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let name = concat!(stringify!($port), "::", stringify!($case));
                    if super::LEFT_OUT.contains(&name) {
                        return;
                    }
                    if let Some(fixture) = $fixture {
                        crate::$port::$case(&fixture).await;
                    }
                }
            )*}
        )*
    };
}

/// Runs every case against each adapter, but for those that are said to be left out.
macro_rules! conformance {
    ($($adapter:ident: $fixture:expr $(, without $reason:literal: $($left_out:literal),+)?;)+) => {
        $(conformance!(@one $adapter, $fixture, [$($($left_out),+)?]);)+

        /// What ran against each adapter, and what did not.
        async fn adapters() -> Vec<String> {
            vec![$({
                let left_out: &[&str] = $adapter::LEFT_OUT;
                for name in left_out {
                    assert!($adapter::CASES.contains(name), "there is no case `{name}` to leave out");
                }
                let name = stringify!($adapter).trim_start_matches("on_");
                if $fixture.is_none() {
                    format!("{name}: did not run")
                } else if left_out.is_empty() {
                    format!("{name}: all {} cases ran", $adapter::CASES.len())
                } else {
                    let reason: &[&str] = &[$($reason)?];
                    let ran = $adapter::CASES.len() - left_out.len();
                    format!("{name}: {ran} cases ran; left out, since {}: {}", reason.concat(), left_out.join(", "))
                }
            }),+]
        }
    };
    (@one $adapter:ident, $fixture:expr, [$($left_out:literal),*]) => {
        mod $adapter {
            /// The cases that do not run against this adapter.
            pub(crate) const LEFT_OUT: &[&str] = &[$($left_out),*];

            cases! { $fixture;
                tenants {
                    a_tenant_reads_back_as_it_was_made
                    a_tenant_is_made_once
                    an_update_raises_the_version_by_one
                    of_two_writers_that_read_the_same_the_second_is_told
                    a_value_changed_under_the_same_version_is_noticed
                    concurrent_updates_retried_on_conflict_lose_nothing
                    unknown_settings_and_extensions_survive_an_update
                    nothing_can_be_changed_in_a_tenant_that_does_not_exist
                    a_commit_makes_all_its_changes_or_none
                    as_many_changes_as_promised_fit_one_commit_and_no_more
                    a_commit_cannot_reach_into_another_tenant
                    a_user_is_made_changed_and_removed
                    a_user_changed_by_someone_else_is_neither_updated_nor_removed
                    the_anonymous_user_cannot_be_made
                    memory_is_kept_for_a_user_and_goes_with_them
                    a_member_is_read_with_tenant_and_memory
                    memory_changed_by_someone_else_is_not_overwritten
                    the_store_answers
                }
                channels_and_keys {
                    a_channel_leads_to_its_tenant
                    of_two_tenants_that_claim_a_channel_at_once_one_gets_it
                    a_channel_given_up_is_free_for_anyone
                    an_api_channel_is_no_mapping
                    a_key_is_found_by_its_hash
                    an_expired_key_is_still_found
                    a_key_is_made_only_for_a_user_who_is_there
                    a_key_is_made_once_and_revoked_as_it_was_read
                    a_key_is_renewed_as_it_was_read_and_opens_nothing_of_another_tenant
                    a_tenant_cannot_revoke_anothers_key
                    hostile_but_valid_ids_stay_apart
                    the_same_ids_in_two_tenants_are_different_users
                }
                removal {
                    an_audit_entry_goes_with_its_change_and_not_without
                    an_audit_entry_can_stand_alone
                    a_removed_tenant_leaves_nothing_but_its_audit_trail
                    a_removed_tenants_id_is_free_again_after_its_reservation
                    a_reserved_id_is_told_and_can_be_freed
                    removing_twice_is_safe_and_removing_nothing_is_told
                    removing_a_tenant_leaves_the_others_alone
                }
                lists {
                    every_page_size_walks_each_list_to_its_end
                    the_audit_trail_is_newest_first
                    an_item_added_behind_the_cursor_disturbs_no_page
                    a_cursor_that_the_list_did_not_give_out_is_refused
                    conversations_are_listed_by_id_from_the_last_on
                }
                addresses {
                    nobody_is_added_with_anothers_address
                    nobody_is_given_anothers_address
                    a_seed_finds_a_person_by_the_address
                    of_two_who_are_given_an_address_at_once_one_gets_it
                }
                owners {
                    nothing_is_added_for_a_user_who_was_removed
                    another_of_the_same_id_sees_nothing_of_the_first
                    nothing_begins_in_a_tenant_that_is_suspended_or_removed
                    turns_under_way_while_their_user_is_removed_leave_nothing
                }
                operators {
                    changes_of_different_settings_at_once_are_both_kept
                    of_two_who_change_one_setting_at_once_the_second_is_told_what_it_is_now
                    a_built_in_trigger_is_switched_off_and_on_beside_what_another_release_had
                }
                transfer {
                    what_other_programs_store_goes_along_with_a_tenant
                }
                user_export {
                    what_is_kept_of_a_user_is_exported_and_goes_with_them
                }
                usage {
                    a_limit_holds_exactly_when_many_reserve_at_once
                    a_repeated_reservation_counts_once
                    a_refused_reservation_counts_nothing_and_may_be_tried_again
                    a_repeated_settlement_adds_once
                    settling_what_was_never_reserved_is_refused
                    days_are_counted_apart_and_listed_in_order
                    tenants_are_counted_apart
                }
                budgets {
                    what_is_held_counts_and_what_was_not_used_of_it_returns
                    every_budget_holds_exactly_when_many_reserve_at_once
                    a_month_is_held_to_over_its_days_and_the_next_begins_anew
                    users_and_keys_have_budgets_of_their_own
                    what_is_one_users_or_one_keys_alone_is_stored_with_them
                    a_budget_that_is_set_later_counts_what_was_used_before
                    a_turn_can_hold_more_later_and_repeating_it_holds_no_more
                    what_nobody_settles_returns_once_it_has_expired
                    of_calls_at_once_as_many_are_under_way_as_may_be
                    a_watched_settlement_says_how_far_it_brought_each_budget
                    a_budget_of_nothing_refuses_the_first
                }
                ledger {
                    each_turn_is_on_its_own_line_however_ids_look
                    turns_at_once_add_up_exactly
                    a_turn_that_used_nothing_counts
                    what_was_never_reserved_is_on_no_line
                    the_ledger_is_read_by_day
                    refusals_are_added_to_their_line
                    the_ledger_goes_with_its_tenant_and_nothing_comes_after
                }
                conversations {
                    an_absent_conversation_reads_as_empty
                    messages_read_back_with_what_else_is_stored_with_them
                    two_hundred_turns_at_once_are_all_kept_each_together
                    the_window_is_bounded_by_messages_and_by_bytes
                    a_conversation_of_five_megabytes_is_kept_whole
                    history_pages_from_the_newest_while_turns_are_added
                    a_conversation_is_gone_thirty_days_after_its_last_turn
                    a_turn_in_an_expired_conversation_starts_a_new_one
                    a_turn_stored_late_does_not_shorten_the_conversations_life
                    sessions_are_listed_once_with_what_was_last_asked
                    clearing_removes_one_conversation
                    sessions_named_like_keys_and_threads_stay_apart
                    the_same_session_id_of_another_owner_is_another_conversation
                    removing_users_conversations_leaves_the_others
                    removing_a_tenants_conversations_leaves_the_other_tenants
                    the_store_answers
                }
                retention {
                    a_conversation_is_gone_as_soon_as_its_tenant_keeps_none_so_old
                }
                turns {
                    of_many_that_begin_a_turn_at_once_one_does
                    how_far_a_turn_is_reads_back_as_it_was_stored
                    a_long_answer_is_kept_as_far_as_there_is_room
                    who_stores_a_turn_hears_that_it_is_to_stop
                    a_turn_is_gone_when_its_time_is_over
                    turns_go_with_their_owner_and_are_nobody_elses
                }
                notes {
                    of_many_one_leaves_a_note_and_one_takes_it
                    a_note_is_over_after_its_time_and_goes_with_its_user
                }
                secrets {
                    putting_says_what_it_did
                    a_secret_reads_back_whole
                    a_removed_secret_can_be_restored
                    putting_restores_what_was_removed
                    what_is_absent_can_be_neither_removed_nor_restored
                    a_deleted_secret_cannot_be_restored
                    a_removed_secret_is_gone_after_its_recovery_window
                    a_description_tells_the_times_and_no_value
                    tenants_see_only_their_own_secrets
                    users_own_secrets_are_beside_the_tenants
                    changes_at_once_are_all_kept
                    the_store_answers
                }
            }
        }
    };
}

conformance! {
    on_local: Some(crate::local::LocalFixture::new());
    on_ministack: crate::aws::AwsFixture::on_ministack().await;
    on_moto: crate::aws::AwsFixture::on_moto().await,
        without "it loses concurrent updates":
            "tenants::concurrent_updates_retried_on_conflict_lose_nothing",
            "channels_and_keys::of_two_tenants_that_claim_a_channel_at_once_one_gets_it",
            "usage::a_limit_holds_exactly_when_many_reserve_at_once",
            "usage::a_repeated_reservation_counts_once",
            "usage::a_repeated_settlement_adds_once",
            "budgets::every_budget_holds_exactly_when_many_reserve_at_once",
            "budgets::of_calls_at_once_as_many_are_under_way_as_may_be",
            "ledger::turns_at_once_add_up_exactly",
            "ledger::each_turn_is_on_its_own_line_however_ids_look",
            "addresses::of_two_who_are_given_an_address_at_once_one_gets_it",
            "operators::changes_of_different_settings_at_once_are_both_kept",
            "operators::of_two_who_change_one_setting_at_once_the_second_is_told_what_it_is_now",
            "conversations::two_hundred_turns_at_once_are_all_kept_each_together",
            "owners::turns_under_way_while_their_user_is_removed_leave_nothing",
            "secrets::changes_at_once_are_all_kept";
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn says_which_adapters_ran() {
    for adapter in adapters().await {
        // Past the harness's capture, so that it is seen.
        writeln!(std::io::stderr(), "conformance, {adapter}").unwrap();
    }
}
