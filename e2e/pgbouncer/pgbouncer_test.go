// Package pgbouncer puts a real PgBouncer, whose connections to the server change hands after each
// transaction, between a program and PostgreSQL.
package pgbouncer

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testserver"
	"github.com/ginsession/ginsession/internal/testsite"
)

// start returns the URL of a PgBouncer in front of the tests' PostgreSQL. It ends with the test.
func start(t *testing.T) string {
	t.Helper()
	server, err := url.Parse(testserver.Env(t, "TEST_POSTGRES_DSN"))
	if err != nil {
		t.Fatal(err)
	}
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		testserver.Missing(t, "pgbouncer is not installed")
	}
	dir, err := os.MkdirTemp("", "pgbouncer") // not t.TempDir, which only this user can enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().(*net.TCPAddr)
	listener.Close()
	settings := fmt.Sprintf(`[databases]
* = host=%s port=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
`, server.Hostname(), server.Port(), address.Port)
	if user := server.User.Username(); user != "" {
		settings = strings.Replace(settings, "\n[pgbouncer]", " user="+user+"\n[pgbouncer]", 1)
	}
	file := filepath.Join(dir, "pgbouncer.ini")
	if err := os.WriteFile(file, []byte(settings), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	args := []string{file}
	if os.Geteuid() == 0 { // PgBouncer refuses to run as root
		args = append(args, "-u", "nobody")
	}
	command := exec.Command(program, args...)
	var output strings.Builder
	command.Stdout, command.Stderr = &output, &output
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		if t.Failed() {
			t.Log(output.String())
		}
	})
	server.Host = address.String()
	awaitPostgres(t, server.String())
	return server.String()
}

func awaitPostgres(t *testing.T, dsn string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, dsn)
		if err == nil {
			conn.Close(ctx)
			return
		}
		if ctx.Err() != nil {
			t.Fatal("PgBouncer does not answer: ", err)
		}
	}
}

// load has eight visitors change their sessions at the same time, so that connections change hands.
func load(t *testing.T, db *gorm.DB) (failures []error) {
	t.Helper()
	m, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.DB(db), Logger: (&testsite.Log{}).Logger()})
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	var mu sync.Mutex
	for range 8 {
		group.Go(func() {
			for range 5 {
				if err := visit(t.Context(), m); err != nil {
					mu.Lock()
					failures = append(failures, err)
					mu.Unlock()
				}
			}
		})
	}
	group.Wait()
	return failures
}

func visit(ctx context.Context, m *ginsession.Manager) error {
	s := m.Open(ctx, "")
	for i := range 5 {
		s.Set("n", i)
		if err := s.Save(); err != nil {
			return err
		}
		s = m.Open(ctx, s.Key())
		if n := s.Get("n"); s.Err() != nil || n != int64(i) {
			return fmt.Errorf("read %v, want %d: %w", n, i, s.Err())
		}
	}
	if err := s.CycleKey(); err != nil {
		return err
	}
	if err := s.Save(); err != nil {
		return err
	}
	return s.Flush()
}

func open(t *testing.T, dialector gorm.Dialector) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(dialector, &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	return db
}

// Sessions work through PgBouncer in transaction mode if nothing is prepared. Otherwise they do not, and
// the error says what to do.
func TestTransactionMode(t *testing.T) {
	dsn := start(t)
	direct := open(t, postgres.Open(testserver.Env(t, "TEST_POSTGRES_DSN")))
	if err := ginsession.Migrate(direct); err != nil {
		t.Fatal(err)
	}
	separator := "?"
	if strings.Contains(dsn, "?") {
		separator = "&"
	}
	for name, dialector := range map[string]gorm.Dialector{
		"PreferSimpleProtocol":                    postgres.New(postgres.Config{DSN: dsn, PreferSimpleProtocol: true}),
		"default_query_exec_mode=exec":            postgres.Open(dsn + separator + "default_query_exec_mode=exec"),
		"default_query_exec_mode=cache_describe":  postgres.Open(dsn + separator + "default_query_exec_mode=cache_describe"),
		"default_query_exec_mode=simple_protocol": postgres.Open(dsn + separator + "default_query_exec_mode=simple_protocol"),
		"a pool of the program's":                 postgres.New(postgres.Config{Conn: stdlib.OpenDB(simple(t, dsn))}),
	} {
		t.Run(name, func(t *testing.T) {
			if failures := load(t, open(t, dialector)); len(failures) > 0 {
				t.Errorf("%d visits failed, the first: %v", len(failures), failures[0])
			}
		})
	}
	for _, mode := range []string{"cache_statement", "describe_exec"} { // cache_describe prepares nothing by name
		t.Run(mode, func(t *testing.T) {
			failures := load(t, open(t, postgres.Open(dsn+separator+"default_query_exec_mode="+mode)))
			if len(failures) == 0 && mode == "describe_exec" { // PgBouncer 1.21 can follow named statements
				t.Error("no visit failed: this test proves nothing")
			}
			for _, err := range failures {
				if !strings.Contains(err.Error(), "default_query_exec_mode=exec") {
					t.Errorf("an error that does not say what to do: %v", err)
				}
			}
		})
	}
}

func simple(t *testing.T, dsn string) pgx.ConnConfig {
	t.Helper()
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	return *config
}
