package ginsession

import (
	"context"
	"errors"

	"github.com/ginsession/ginsession/internal/sqlpool"
)

// checkCommits returns an [ErrConfig] if the connections of MySQL or MariaDB have autocommit off.
// Nobody would commit the statements of a session: its cookie would go out, and its row be seen
// on one connection only. The server is asked until it has answered once.
func (s *dbStore) checkCommits(ctx context.Context) error {
	if s.commits.Load() {
		return nil
	}
	var on bool
	pool := sqlpool.Source(s.db.WithContext(ctx)).Statement.ConnPool
	if err := pool.QueryRowContext(ctx, "SELECT @@autocommit").Scan(&on); err != nil {
		return err
	}
	if !on {
		return configError("Engine", "the connections of the *gorm.DB have autocommit off: set autocommit=1 in the DSN, and begin transactions with db.Transaction")
	}
	s.commits.Store(true)
	return nil
}

// checkCommitsNow is checkCommits when the engine is opened. A server that cannot be reached is
// asked again by the first session.
func (s *dbStore) checkCommitsNow(cfg *settings) error {
	bounded := cfg.storeContext(context.Background())
	defer bounded.Release()
	err := s.checkCommits(bounded)
	if errors.Is(err, ErrConfig) {
		return err
	}
	return nil
}
