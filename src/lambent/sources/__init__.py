"""What invokes functions by itself: pollers of event source mappings and schedules. None yet."""
