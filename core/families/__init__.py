"""What a run can choose: one registry a file, one entry a member."""
