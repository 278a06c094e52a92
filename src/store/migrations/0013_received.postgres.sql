-- how much of a host waits is counted in memory: this index cost two writes for each activity
DROP INDEX received_host;
