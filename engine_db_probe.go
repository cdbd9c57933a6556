package ginsession

import (
	"context"
	"errors"

	"github.com/ginsession/ginsession/internal/sqlpool"
)

// probe asks a connection, until one has answered, for what decides how statements are run.
func (s *dbStore) probe(ctx context.Context) error {
	if s.probed.Load() {
		return nil
	}
	pool := sqlpool.Source(s.db.WithContext(ctx)).Statement.ConnPool
	if err := s.dialect.probe(s, ctx, pool); err != nil {
		return err
	}
	s.probed.Store(true)
	return nil
}

// probeNow is probe when the engine is opened. A database that cannot be reached is asked again
// by the first session.
func (s *dbStore) probeNow(cfg *settings) error {
	bounded := cfg.storeContext(context.Background())
	err := s.probe(bounded)
	if errors.Is(err, ErrConfig) {
		return err
	}
	return nil
}

// probeAutocommit returns an [ErrConfig] if connections to MySQL or MariaDB have autocommit off.
// Nobody would commit the statements of a session: its cookie would go out, and its row be seen
// on one connection only.
func (s *dbStore) probeAutocommit(ctx context.Context, pool sqlpool.Querier) error {
	var on bool
	if err := pool.QueryRowContext(ctx, "SELECT @@autocommit").Scan(&on); err != nil {
		return err
	}
	if !on {
		return configError("Engine", "the connections of the *gorm.DB have autocommit off: set autocommit=1 in the DSN, and begin transactions with db.Transaction")
	}
	return nil
}

// probeSQLite notes how long connections wait for a lock, and whether the database is in memory.
func (s *dbStore) probeSQLite(ctx context.Context, pool sqlpool.Querier) error {
	timeout, err := sqlpool.BusyTimeout(ctx, pool)
	if err != nil {
		return err
	}
	var file string
	if err := pool.QueryRowContext(ctx, "SELECT coalesce(file, '') FROM pragma_database_list WHERE name = 'main'").Scan(&file); err != nil {
		return err
	}
	s.busyTimeout.Store(int64(timeout))
	s.inMemory.Store(file == "")
	return nil
}

// probeNothing is for databases whose connections make no difference.
func (s *dbStore) probeNothing(context.Context, sqlpool.Querier) error { return nil }
