package ginsession_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	mysqldriver "github.com/go-sql-driver/mysql"

	"github.com/ginsession/ginsession"
)

// TestDBWithoutAutocommit has MySQL keep every change from everybody else until somebody commits,
// which nobody would do.
func TestDBWithoutAutocommit(t *testing.T) {
	table := newTable(t, openMySQL(t))
	db := openMySQLWith(t, func(c *mysqldriver.Config) { c.Params["autocommit"] = "0" })
	_, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.DB(db, ginsession.TableName(table))})
	if !errors.Is(err, ginsession.ErrConfig) || !strings.Contains(err.Error(), "autocommit=1") {
		t.Errorf("NewManager without autocommit: %v; want an ErrConfig that says what to set", err)
	}
}

// TestDBWithoutAutocommitSeenLate has the server come up after the program.
func TestDBWithoutAutocommitSeenLate(t *testing.T) {
	table := newTable(t, openMySQL(t))
	var down atomic.Bool
	db := openMySQLWith(t, func(c *mysqldriver.Config) {
		address, network := c.Addr, "test_"+rand.Text()
		mysqldriver.RegisterDialContext(network, func(ctx context.Context, _ string) (net.Conn, error) {
			if down.Load() {
				return nil, errors.New("the server is down")
			}
			return new(net.Dialer).DialContext(ctx, "tcp", address)
		})
		c.Net, c.Params["autocommit"] = network, "0"
	})
	pool, _ := db.DB()
	pool.SetMaxIdleConns(0) // every statement dials
	down.Store(true)
	var told []error
	site := newDBSite(t, db, table, func(cfg *ginsession.Config) { cfg.ErrorHandler = recordErrors(&told) })
	down.Store(false)
	r := site.visitor(t).post(func(s *ginsession.Session) { s.Set("a", 1) })
	check(t, "status", r.StatusCode, http.StatusServiceUnavailable)
	check(t, "errors", len(told), 1)
	if !errors.Is(told[0], ginsession.ErrConfig) {
		t.Errorf("the ErrorHandler was told %v; want an ErrConfig", told[0])
	}
}
