DELETE FROM counters WHERE name = 'state_changes';
