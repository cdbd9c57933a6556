//go:build unix

package ginsession_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/gin-gonic/gin"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/internal/testserver"
)

// A cluster is a PostgreSQL server of the test's own, to be broken.
type cluster struct {
	t       *testing.T
	bin     string
	dir     string
	port    string
	account *syscall.Credential // PostgreSQL refuses to run as root
}

func startCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{t: t, bin: testserver.Env(t, "TEST_POSTGRES_BIN"), port: freePort(t)}
	c.dir = c.folder()
	c.run("initdb", "--pgdata="+c.dir, "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
	c.start()
	t.Cleanup(func() { _ = c.command("pg_ctl", "-D", c.dir, "-m", "immediate", "stop").Run() })
	return c
}

// folder makes a folder that the server's account can reach, which t.TempDir's are not.
func (c *cluster) folder() string {
	dir, err := os.MkdirTemp("/tmp", "ginsession")
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { os.RemoveAll(dir) })
	if os.Getuid() != 0 {
		return dir
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		c.t.Fatal(err)
	}
	uid, _ := strconv.Atoi(nobody.Uid)
	gid, _ := strconv.Atoi(nobody.Gid)
	if err := os.Chown(dir, uid, gid); err != nil {
		c.t.Fatal(err)
	}
	c.account = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return dir
}

func (c *cluster) command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(c.bin, program), args...)
	cmd.Dir = c.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.account}
	return cmd
}

// run is for programs that end. Their output goes to a file: a server that they leave behind
// would keep a pipe open.
func (c *cluster) run(program string, args ...string) {
	c.t.Helper()
	output, err := os.CreateTemp(c.t.TempDir(), program)
	if err != nil {
		c.t.Fatal(err)
	}
	defer output.Close()
	cmd := c.command(program, args...)
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(output.Name())
		c.t.Fatalf("%s: %v\n%s", program, err, text)
	}
}

func (c *cluster) start() {
	c.t.Helper()
	options := "-p " + c.port + " -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
	c.run("pg_ctl", "-D", c.dir, "-l", filepath.Join(c.dir, "log"), "-o", options, "-w", "start")
}

// kill stops the server as a crash would.
func (c *cluster) kill() {
	c.t.Helper()
	c.run("pg_ctl", "-D", c.dir, "-m", "immediate", "-w", "stop")
}

func (c *cluster) open() *gorm.DB {
	c.t.Helper()
	return openDB(c.t, postgres.Open("postgres://postgres@127.0.0.1:"+c.port+"/postgres?sslmode=disable"))
}

// TestDBDown has visitors come while the database is down and after it has come back.
func TestDBDown(t *testing.T) {
	c := startCluster(t)
	db := c.open()
	var told []error
	site := newDBSite(t, db, newTable(t, db), func(cfg *ginsession.Config) {
		cfg.ErrorHandler = func(c *gin.Context, err error) {
			told = append(told, err)
			c.String(http.StatusServiceUnavailable, "later")
		}
	})
	v := site.visitor(t)
	v.post(func(s *ginsession.Session) { s.Set("a", 1) })
	key := v.key()

	c.kill()
	for name, handle := range map[string]func(*ginsession.Session){
		"reads":    func(s *ginsession.Session) { s.Get("a") },
		"writes":   func(s *ginsession.Session) { s.Set("a", 2) },
		"modifies": dbIncrement,
		"cycles":   func(s *ginsession.Session) { _ = s.CycleKey() },
		"flushes":  func(s *ginsession.Session) { _ = s.Flush() },
		"claims":   func(s *ginsession.Session) { _, _, _ = ginsession.Claim[int](s, "a") },
	} {
		r := v.post(handle)
		check(t, "status of a request that "+name, r.StatusCode, http.StatusServiceUnavailable)
		check(t, "body of a request that "+name, r.body, "later")
		check(t, "cookie of a request that "+name, r.cookie() == nil, true)
	}
	check(t, "status of a new visitor who writes", site.visitor(t).post(func(s *ginsession.Session) { s.Set("a", 1) }).StatusCode, http.StatusServiceUnavailable)
	check(t, "status of a request without use of the session", v.send(http.MethodGet, func(*gin.Context) {}).StatusCode, http.StatusOK)
	for _, err := range told {
		if !errors.Is(err, ginsession.ErrUnavailable) || bytes.Contains([]byte(err.Error()), []byte(key)) {
			t.Errorf("the ErrorHandler was told %v", err)
		}
	}

	c.start()
	check(t, "the visitor's cookie", v.key(), key)
	v.get(func(s *ginsession.Session) {
		check(t, "the session, when the database is back", s.Get("a"), any(int64(1)))
	})
	check(t, "status of a write", v.post(func(s *ginsession.Session) { s.Set("a", 2) }).StatusCode, http.StatusOK)
}

// TestDBRestartsUnderLoad has clients write while the server crashes and its connections are
// cut. What was acknowledged is there afterwards, and no Modify counts twice.
func TestDBRestartsUnderLoad(t *testing.T) {
	c := startCluster(t)
	db := c.open()
	table := newTable(t, db)
	m := newDBSite(t, db, table).Manager
	shared := dbSignedIn(t, m, map[string]any{"n": 0})
	const clients = 8
	var keys [clients]string
	var acknowledged, tried [clients]int
	var increments, attempts atomic.Int64
	for i := range keys {
		keys[i] = dbSignedIn(t, m, map[string]any{"i": 0})
	}

	stop := make(chan struct{})
	var all sync.WaitGroup
	client := func(i int) {
		for {
			select {
			case <-stop:
				return
			default:
			}
			tried[i]++
			if answered(t, dbAsk(m, http.MethodPost, keys[i], func(c *gin.Context) { ginsession.Get(c).Set("i", tried[i]) })) {
				acknowledged[i] = tried[i]
			}
			answered(t, dbAsk(m, http.MethodPost, shared, func(c *gin.Context) { ginsession.Get(c).Set(fmt.Sprint("by", i), tried[i]) }))
			attempts.Add(1)
			if answered(t, dbAsk(m, http.MethodPost, shared, func(c *gin.Context) { dbIncrement(ginsession.Get(c)) })) {
				increments.Add(1)
			}
		}
	}
	for i := range clients {
		all.Go(func() { client(i) })
	}
	progress := func() {
		before := increments.Load()
		waitFor(t, "clients to be served", func() bool { return increments.Load() > before+2*clients })
	}
	for range 2 {
		progress()
		cutConnections(t, c)
		progress()
		c.kill()
		c.start()
	}
	progress()
	close(stop)
	all.Wait()

	for i, key := range keys {
		got, _ := ginsession.Value[int](m.Open(t.Context(), key), "i")
		if got < acknowledged[i] || got > tried[i] {
			t.Errorf("a session holds %d; %d was acknowledged, %d tried", got, acknowledged[i], tried[i])
		}
	}
	n, _ := ginsession.Value[int64](m.Open(t.Context(), shared), "n")
	if n < increments.Load() || n > attempts.Load() {
		t.Errorf("the counter is %d; %d increments were acknowledged, %d tried", n, increments.Load(), attempts.Load())
	}
	t.Logf("%d of %d increments were acknowledged, the counter is %d", increments.Load(), attempts.Load(), n)
}

// answered reports whether the request succeeded; the only other answer is that the store is
// unavailable.
func answered(t *testing.T, w interface{ Result() *http.Response }) bool {
	t.Helper()
	response := w.Result()
	if response.StatusCode == http.StatusServiceUnavailable && response.Header.Get("Set-Cookie") == "" {
		return false
	}
	if response.StatusCode != http.StatusOK {
		t.Errorf("a request beside a server that crashes was answered with %d %v", response.StatusCode, response.Header)
	}
	return response.StatusCode == http.StatusOK
}

// cutConnections ends all other connections of the server.
func cutConnections(t *testing.T, c *cluster) {
	t.Helper()
	db := c.open()
	dbExec(t, db, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'")
}

// TestDBConnectionLost cuts the connection of a request while its change is on the way, so that
// nobody knows whether it came through. A change that can be made twice is made again; one that
// cannot is reported.
func TestDBConnectionLost(t *testing.T) {
	db := openPostgres(t)
	for name, c := range map[string]struct {
		statement string // that the connection is cut in
		handle    func(*ginsession.Session)
		status    int
		want      map[string]any
	}{
		"Set":      {"UPDATE", func(s *ginsession.Session) { s.Set("a", 2) }, http.StatusOK, map[string]any{"a": int64(2), "n": int64(0)}},
		"Pop":      {"UPDATE", func(s *ginsession.Session) { s.Pop("a") }, http.StatusOK, map[string]any{"n": int64(0)}},
		"CycleKey": {"UPDATE", func(s *ginsession.Session) { _ = s.CycleKey() }, http.StatusOK, map[string]any{"a": int64(1), "n": int64(0)}},
		"Modify":   {"UPDATE", dbIncrement, http.StatusServiceUnavailable, map[string]any{"a": int64(1), "n": int64(0)}},
		"Claim": {"UPDATE", func(s *ginsession.Session) {
			if _, ok, err := ginsession.Claim[int](s, "a"); ok || !errors.Is(err, ginsession.ErrUnavailable) {
				t.Errorf("Claim over a lost connection: %v, %v; want ErrUnavailable", ok, err)
			}
		}, http.StatusOK, map[string]any{"a": int64(1), "n": int64(0)}},
		"Flush": {"DELETE", func(s *ginsession.Session) { _ = s.Flush() }, http.StatusServiceUnavailable, map[string]any{"a": int64(1), "n": int64(0)}},
	} {
		t.Run(name, func(t *testing.T) {
			table := newTable(t, db)
			site := newDBSite(t, db, table)
			v := site.visitor(t)
			v.post(func(s *ginsession.Session) { s.Update(map[string]any{"a": 1, "n": 0}) })
			defer cutNext(t, db, table, c.statement)()
			r := v.post(c.handle)
			check(t, "status", r.StatusCode, c.status)
			v.get(func(s *ginsession.Session) { check(t, "the session afterwards", s.Items(), c.want) })
		})
	}
}

// cutNext has the next statement of this kind on the table wait, and cuts its connection. What
// it returns waits for that.
func cutNext(t *testing.T, db *gorm.DB, table, statement string) (wait func()) {
	t.Helper()
	dbExec(t, db, fmt.Sprintf(`CREATE FUNCTION %[1]s_wait() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			PERFORM pg_advisory_xact_lock(hashtext('%[1]s'));
			IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
			RETURN NEW;
		END $$`, table))
	dbExec(t, db, fmt.Sprintf("CREATE TRIGGER wait BEFORE %s ON %[2]s FOR EACH ROW EXECUTE FUNCTION %[2]s_wait()", statement, table))
	holder := db.Begin()
	dbExec(t, holder, "SELECT pg_advisory_xact_lock(hashtext(?))", table)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer holder.Rollback()
		waitFor(t, "a statement to wait for the lock", func() bool {
			var cut int64
			db.Raw("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'advisory' AND query LIKE ?", "%"+table+"%").Scan(&cut)
			return cut > 0
		})
	}()
	return func() {
		<-done
		dbExec(t, db, "DROP TRIGGER wait ON "+table)
		dbExec(t, db, "DROP FUNCTION "+table+"_wait")
	}
}
