//! The stories: one file each, one binary for all of them.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests write their own folders and tell the time"
)]

mod a_figure_is_fit_for_print;
mod architecture;
mod support;

mod a_bad_machine_loses_nothing;
mod a_data_set_of_ones_own;
mod a_probe_says_what_it_learned_from;
mod a_strangers_experiment_runs_none_of_their_code;
mod another_class_is_compared_by_losses;
mod architectures_cost_what_the_authors_count;
mod bad_input_ends_in_one_clear_error;
mod behaviour_table;
mod bisect_names_the_first_difference;
mod checks_say_what_is_new;
mod corrupt_blob_is_found_and_rebuilt;
mod eight_runners_share_one_store;
mod experiments;
mod faults;
mod history_says_when_and_where;
mod hostile_dhall_is_refused;
mod interrupted_run_resumes_to_the_same_bytes;
mod kills;
mod new_experiment_runs;
mod no_answer_is_in_the_source;
mod one_changed_field_reruns_only_its_descendants;
mod open_clips_numbers_come_out;
mod pinned_files_come_from_the_network;
mod readme;
mod released_weights_are_evaluated;
mod results_are_taken_from_others;
mod results_do_not_depend_on_the_machine;
mod second_run_executes_nothing;
mod shards_are_pinned_once;
mod tables_of_ones_own;
mod tampering_is_found;
mod the_papers_figure_comes_out_of_published_tables;
mod trainings_of_others_are_priced_and_not_started;
mod verify_compares_with_the_lockfile;
mod what_cannot_be_known_is_said;
mod what_is_needed_is_kept_and_what_is_not_is_left;
