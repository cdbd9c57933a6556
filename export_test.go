package ginsession

// OpenStore opens an engine as NewManager does and returns its store, for the suites that prove
// stores.
func OpenStore(cfg Config) (Store, error) {
	m, err := NewManager(cfg)
	if err != nil {
		return nil, err
	}
	return m.backend.(*serverBackend).store, nil
}

// Origin returns where the session's dictionary comes from.
func Origin(s *Session) string { return [...]string{"unread", "cleared", "loaded"}[s.origin] }
