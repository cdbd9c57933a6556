package ginsession_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cache/redis"
	"github.com/ginsession/ginsession/internal/testserver"
)

// Two processes serve the same sessions over one PostgreSQL and one Redis, with a near cache
// each. Clients of both read, write, count and sign out. Each process keeps a log of what it has
// acknowledged, and the test checks the logs.

// allowance is how long after an acknowledgement the other process may still serve what was
// true before: the time that the server's invalidation takes to arrive, with two processes
// and two servers at full load on as little as two cores. Within a process there is none.
const allowance = time.Second

const (
	coherenceLoad    = 4 * time.Second
	coherenceClients = 6  // of each process
	lastingSessions  = 4  // that nobody signs out
	mortalSessions   = 24 // that somebody does
	watchedSessions  = 8  // of those: the second process only reads them, so that nothing but the server's invalidation tells it of a change
)

// A coherenceTask is what a process is told.
type coherenceTask struct {
	Process int
	Table   string
	Prefix  string   // of the keys in Redis
	Keys    []string // of the sessions, the lasting ones first
	Log     string   // the file to write
}

// An operation is one request that was answered.
type operation struct {
	Process, Client, Session int
	Kind                     string           // read, write, add, out
	N                        int64            // what was written
	Alive                    bool             // there was such a session
	Values                   map[string]int64 // what was read
	Start, End               time.Time
}

func TestCoherence(t *testing.T) {
	db := openPostgres(t)
	task := coherenceTask{Table: newTable(t, db), Prefix: newSessionKey() + ":"}
	m := coherenceManager(t, task)
	for range lastingSessions + mortalSessions {
		s := m.Open(t.Context(), "")
		s.Set("counter", 0)
		save(t, s)
		task.Keys = append(task.Keys, s.Key())
	}

	operations := runCoherence(t, task)
	checkAcknowledged(t, operations)
	checkSignedOut(t, operations)
	checkMonotonic(t, operations)

	plain := newDesk(t, func(cfg *ginsession.Config) {
		cfg.Engine = ginsession.DB(db, ginsession.TableName(task.Table))
		cfg.HashKeys, cfg.Clock = ginsession.On, time.Now
	})
	for name, manager := range map[string]*ginsession.Manager{"the database": plain.Manager, "a third process": m} {
		checkOutcome(t, "by "+name, manager, task.Keys, operations)
	}
}

// coherenceManager is the same in each process.
func coherenceManager(t *testing.T, task coherenceTask) *ginsession.Manager {
	t.Helper()
	db := openPostgres(t)
	cache := dialRedis(t, testserver.Env(t, "TEST_REDIS_ADDR"), redis.Prefix(task.Prefix))
	m, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.CachedDB(db, cache, ginsession.TableName(task.Table))})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// runCoherence has two processes do their work at the same time and returns their logs.
func runCoherence(t *testing.T, task coherenceTask) (operations []operation) {
	t.Helper()
	var processes [2]coherenceProcess
	for i := range processes {
		task.Process, task.Log = i, filepath.Join(t.TempDir(), "log.json")
		processes[i] = startCoherence(t, task)
	}
	for _, p := range processes {
		p.start.Close()
	}
	for _, p := range processes {
		operations = append(operations, p.finish(t)...)
	}
	return operations
}

// A coherenceProcess is this test binary once more.
type coherenceProcess struct {
	cmd    *exec.Cmd
	log    string
	start  io.Closer // to be closed when all are ready
	output *bufio.Reader
}

// startCoherence returns when the process is ready.
func startCoherence(t *testing.T, task coherenceTask) coherenceProcess {
	t.Helper()
	text, err := json.Marshal(task)
	if err != nil {
		t.Fatal(err)
	}
	p := coherenceProcess{cmd: exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCoherenceProcess$"), log: task.Log}
	p.cmd.Env = append(os.Environ(), "TEST_COHERENCE="+string(text))
	stdin, inErr := p.cmd.StdinPipe()
	stdout, outErr := p.cmd.StdoutPipe()
	if err := errors.Join(inErr, outErr, p.cmd.Start()); err != nil {
		t.Fatal(err)
	}
	p.start, p.output = stdin, bufio.NewReader(stdout)
	if line, err := p.output.ReadString('\n'); line != "ready\n" {
		rest, _ := io.ReadAll(p.output)
		t.Fatalf("process %d: %v: %s%s", task.Process, err, line, rest)
	}
	return p
}

// finish returns the process's log.
func (p coherenceProcess) finish(t *testing.T) (operations []operation) {
	t.Helper()
	output, _ := io.ReadAll(p.output)
	if err := p.cmd.Wait(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	text, err := os.ReadFile(p.log)
	if err == nil {
		err = json.Unmarshal(text, &operations)
	}
	if err != nil {
		t.Fatal(err)
	}
	return operations
}

// TestCoherenceProcess is what the processes run. By itself it does nothing.
func TestCoherenceProcess(t *testing.T) {
	text := os.Getenv("TEST_COHERENCE")
	if text == "" {
		return
	}
	var task coherenceTask
	if err := json.Unmarshal([]byte(text), &task); err != nil {
		t.Fatal(err)
	}
	site := coherenceSite(coherenceManager(t, task))
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin) // until the other is ready too

	var all sync.WaitGroup
	logs := make([][]operation, coherenceClients)
	end := time.Now().Add(coherenceLoad)
	for i := range logs {
		all.Go(func() {
			c := coherenceClient{t: t, site: site, task: task, name: fmt.Sprintf("p%dc%d", task.Process, i), number: i}
			for time.Now().Before(end) && !t.Failed() {
				logs[i] = append(logs[i], c.request())
			}
		})
	}
	all.Wait()
	var operations []operation
	for _, log := range logs {
		operations = append(operations, log...)
	}
	log, err := json.Marshal(operations)
	if err == nil {
		err = os.WriteFile(task.Log, log, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// coherenceSite answers 410 if the visitor's session has ended, and then writes nothing.
func coherenceSite(m *ginsession.Manager) http.Handler {
	gin.SetMode(gin.TestMode)
	r := gin.New()
	r.Use(m.Handler())
	alive := func(c *gin.Context) {
		if s := ginsession.Get(c); s.Key() == "" && s.Err() == nil {
			c.AbortWithStatus(http.StatusGone)
		}
	}
	r.GET("/read", alive, func(c *gin.Context) { c.JSON(http.StatusOK, ginsession.Get(c).Items()) })
	r.POST("/write", alive, func(c *gin.Context) {
		n, _ := strconv.ParseInt(c.Query("n"), 10, 64)
		ginsession.Get(c).Set(c.Query("key"), n)
	})
	r.POST("/add", alive, func(c *gin.Context) {
		_, _ = ginsession.Modify(ginsession.Get(c), "counter", func(n int64, _ bool) int64 { return n + 1 })
	})
	r.POST("/out", func(c *gin.Context) { _ = ginsession.Get(c).Flush() })
	return r
}

type coherenceClient struct {
	t      *testing.T
	site   http.Handler
	task   coherenceTask
	name   string // of its own key in every session
	number int
	n      int64 // the last number that it wrote
}

// request makes one request and returns what was answered.
func (c *coherenceClient) request() operation {
	o := operation{Process: c.task.Process, Client: c.number, Session: rand.IntN(len(c.task.Keys))}
	method, path := http.MethodPost, ""
	watched := c.task.Process == 1 && o.Session >= len(c.task.Keys)-watchedSessions
	switch dice := rand.IntN(200); {
	case dice < 120 || watched:
		o.Kind, method, path = "read", http.MethodGet, "/read"
	case dice < 160:
		c.n++
		o.Kind, o.N, path = "write", c.n, fmt.Sprintf("/write?key=%s&n=%d", c.name, c.n)
	case dice < 198 || o.Session < lastingSessions:
		o.Kind, path = "add", "/add"
	default:
		o.Kind, path = "out", "/out"
	}
	request := httptest.NewRequest(method, path, nil)
	request.Header.Set("Cookie", "sessionid="+c.task.Keys[o.Session])
	answer := httptest.NewRecorder()
	o.Start = time.Now()
	c.site.ServeHTTP(answer, request)
	o.End = time.Now()
	o.Alive = answer.Code == http.StatusOK
	switch {
	case o.Alive && o.Kind == "read":
		if err := json.Unmarshal(answer.Body.Bytes(), &o.Values); err != nil {
			c.t.Error(err)
		}
	case o.Alive, answer.Code == http.StatusGone, answer.Code == http.StatusConflict:
	default:
		c.t.Errorf("%s: status %d: %s", o.Kind, answer.Code, answer.Body)
	}
	return o
}

// since is how long before o the other operation was acknowledged, after what is allowed for.
func (o *operation) since(acknowledged *operation) time.Duration {
	gap := o.Start.Sub(acknowledged.End)
	if o.Process != acknowledged.Process {
		gap -= allowance
	}
	return gap
}

// checkAcknowledged wants each read to show every write that was acknowledged before it.
func checkAcknowledged(t *testing.T, operations []operation) {
	t.Helper()
	counts := map[string]int{}
	writes := map[string][]*operation{} // by session and key, in the order of their numbers
	for i := range operations {
		o := &operations[i]
		counts[o.Kind]++
		if o.Kind == "write" && o.Alive {
			name := fmt.Sprint(o.Session, o.key())
			writes[name] = append(writes[name], o)
		}
	}
	for _, kind := range []string{"read", "write", "add", "out"} {
		if counts[kind] < 10 {
			t.Errorf("there were %d operations of the kind %s: too few to prove anything", counts[kind], kind)
		}
	}
	t.Log(counts)
	for i := range operations {
		read := &operations[i]
		if read.Kind != "read" || !read.Alive {
			continue
		}
		for process := range 2 {
			for client := range coherenceClients {
				key := (&operation{Process: process, Client: client}).key()
				for _, write := range writes[fmt.Sprint(read.Session, key)] {
					if read.since(write) > 0 && read.Values[key] < write.N {
						t.Errorf("session %d: process %d read %s=%d, %v after process %d had acknowledged %d",
							read.Session, read.Process, key, read.Values[key], read.Start.Sub(write.End), process, write.N)
					}
				}
			}
		}
	}
}

// key is the client's own in every session.
func (o *operation) key() string { return fmt.Sprintf("p%dc%d", o.Process, o.Client) }

// checkSignedOut wants nobody to see or to change a session that was signed out. Changes ask the
// database, and so nothing is allowed for.
func checkSignedOut(t *testing.T, operations []operation) {
	t.Helper()
	ended := map[int]*operation{}
	for i := range operations {
		o := &operations[i]
		if o.Kind == "out" && (ended[o.Session] == nil || o.End.Before(ended[o.Session].End)) {
			ended[o.Session] = o
		}
	}
	for i := range operations {
		o := &operations[i]
		end := ended[o.Session]
		if end == nil || !o.Alive || o.Kind == "out" {
			continue
		}
		if o.since(end) > 0 || o.Kind != "read" && o.Start.After(end.End) {
			t.Errorf("session %d: a %s by process %d found it alive %v after process %d had acknowledged its sign-out",
				o.Session, o.Kind, o.Process, o.Start.Sub(end.End), end.Process)
		}
	}
}

// checkMonotonic wants no read to show less than an earlier one. Also within a process there is an
// allowance: what is in the database and not acknowledged yet may be seen, and not be seen again.
func checkMonotonic(t *testing.T, operations []operation) {
	t.Helper()
	reads := map[int][]*operation{}
	for i := range operations {
		if o := &operations[i]; o.Kind == "read" && o.Alive {
			reads[o.Session] = append(reads[o.Session], o)
		}
	}
	for session, reads := range reads {
		for _, earlier := range reads {
			for _, later := range reads {
				if later.Start.Sub(earlier.End) <= allowance {
					continue
				}
				for key, n := range earlier.Values {
					if later.Values[key] < n {
						t.Errorf("session %d: %s was read as %d, and as %d %v later", session, key, n, later.Values[key], later.Start.Sub(earlier.End))
					}
				}
			}
		}
	}
}

// checkOutcome wants the last acknowledged number of every client, and the exact sum of what was
// added, in the sessions that nobody has signed out, and nothing of the others.
func checkOutcome(t *testing.T, by string, m *ginsession.Manager, keys []string, operations []operation) {
	t.Helper()
	ended := map[int]bool{}
	want := make([]map[string]any, len(keys))
	for i := range want {
		want[i] = map[string]any{"counter": int64(0)}
	}
	for i := range operations {
		switch o := &operations[i]; {
		case o.Kind == "out":
			ended[o.Session] = true
		case o.Kind == "write" && o.Alive:
			want[o.Session][o.key()] = o.N // they are in the order in which their client wrote them
		case o.Kind == "add" && o.Alive:
			want[o.Session]["counter"] = want[o.Session]["counter"].(int64) + 1
		}
	}
	for i, key := range keys {
		s := m.Open(t.Context(), key)
		if ended[i] {
			check(t, "the key of a session that was signed out, "+by, s.Key(), "")
			continue
		}
		if got := s.Items(); fmt.Sprint(got) != fmt.Sprint(want[i]) {
			t.Errorf("session %d, %s: %v, want %v", i, by, got, want[i])
		}
	}
}
