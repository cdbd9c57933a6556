package main

import (
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// An operation is one kind of request.
type operation int

const (
	anonymous operation = iota // without a cookie, to a handler that does not use the session
	untouched                  // with a cookie, to the same handler
	read                       // reads two keys
	write                      // reads a key and sets it
	create                     // sets every key of a new session
	plain                      // anonymous, but with as short an answer as READ's
)

// A task is an operation and how many goroutines do it at once.
type task struct {
	op         operation
	goroutines int
}

var (
	idleTasks = []task{{anonymous, 1}, {untouched, 1}}
	pairTasks = []task{{read, 1}, {write, 1}}
	coreTasks = []task{{read, 1}, {write, 1}, {create, 1}}
	fullTasks = []task{{read, 1}, {write, 1}, {create, 1}, {read, 8}, {write, 8}}
	wireTasks = append(fullTasks[:5:5], task{read, 64}, task{write, 64})
)

func (t task) String() string {
	name := [...]string{"anonymous", "untouched", "READ", "WRITE", "NEW", "anonymous, short answer"}[t.op]
	if t.goroutines > 1 {
		name += fmt.Sprintf(" ∥%d", t.goroutines)
	}
	return name
}

// A pair is a key of a session and its value.
type pair struct {
	key   string
	value any
}

// A content is what the sessions of a run hold.
type content struct{ keys int }

var (
	small = content{keys: 5}  // 196 bytes of JSON
	large = content{keys: 50} // 10 KB
)

// firstCount is where the number that WRITE counts up begins.
const firstCount = 10000

// of returns session i. Its values are of the types that every store takes.
func (c content) of(i int) []pair {
	random := strings.ToUpper(digest(cookieKey(i))) + digest(cookieKey(-i))[:24]
	pairs := []pair{
		{"user", userName(i)},
		{"visits", firstCount},
		{"locale", "de-CH"},
		{"token", random},
		{"agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101"},
	}
	for n := len(pairs); n < c.keys; n++ {
		pairs = append(pairs, pair{fmt.Sprintf("preference-%02d", n), strings.Repeat(digest(cookieKey(n)), 5)[:190]})
	}
	return pairs
}

func userName(i int) string { return fmt.Sprintf("user-%06d", i) }

// A worker does one operation on session i, for one goroutine, and checks the answer.
type worker func(i int) error

// A sample is what n operations took together.
type sample struct {
	elapsed time.Duration
	mallocs uint64
}

// A subject is something to measure. Its instance is opened for one section of the report.
type subject struct {
	name   string
	source source
	open   func(e *environment) (*instance, error)
}

// A source says whose a subject is.
type source int

const (
	floor source = iota // the store without a framework
	ours
	peer
)

// An instance is a subject that is ready to run.
type instance struct {
	run   func(t task, n int) (sample, error)
	close func()
}

// workers makes an instance of what gives each goroutine a worker. There are so many sessions
// to spread the operations over.
func workers(sessions int, newWorker func(op operation) worker, close func()) *instance {
	return &instance{close: close, run: func(t task, n int) (sample, error) {
		return measure(t, n, sessions, newWorker)
	}}
}

// scatter sends successive operations to sessions far apart. It is a permutation wherever
// sessions has no factor in common with it.
const scatter = 2654435761

func measure(t task, n, sessions int, newWorker func(op operation) worker) (sample, error) {
	var group sync.WaitGroup
	var failure atomic.Pointer[error]
	start := make(chan struct{})
	for g := range t.goroutines {
		work := newWorker(t.op)
		group.Go(func() {
			<-start
			for i := g; i < n; i += t.goroutines {
				if err := work(int(uint64(i) * scatter % uint64(sessions))); err != nil {
					first := err // err itself would move to the heap
					failure.CompareAndSwap(nil, &first)
					return
				}
			}
		})
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	close(start)
	group.Wait()
	elapsed := time.Since(began)
	runtime.ReadMemStats(&after)
	if err := failure.Load(); err != nil {
		return sample{}, fmt.Errorf("%v: %w", t, *err)
	}
	return sample{elapsed, after.Mallocs - before.Mallocs}, nil
}

// The addresses of the handlers.
const (
	idlePath   = "/idle"
	readPath   = "/read"
	writePath  = "/write"
	createPath = "/new"
	plainPath  = "/plain"
	numberName = "Number" // the header with the number of the session to create
)

var paths = [...]string{idlePath, idlePath, readPath, writePath, createPath, plainPath}

func method(op operation) string {
	if op == write || op == create {
		return http.MethodPost
	}
	return http.MethodGet
}

// A site is an http.Handler with its visitors' cookies.
type site struct {
	handler http.Handler
	cookies [][]string // a request's Cookie header, by session
	numbers [][]string // a request's Number header, by session
	users   []string   // what READ answers, by session
}

// newSite signs in so many visitors.
func newSite(handler http.Handler, sessions int) (*site, error) {
	s := &site{handler: handler}
	for i := range sessions {
		s.numbers = append(s.numbers, []string{strconv.Itoa(i)})
		s.users = append(s.users, userName(i))
	}
	rec := &recorder{header: http.Header{}}
	visit := s.workerWith(rec, create)
	for i := range sessions {
		if err := visit(i); err != nil {
			return nil, err
		}
		cookie, _, _ := strings.Cut(rec.header.Get("Set-Cookie"), ";")
		if cookie == "" {
			return nil, fmt.Errorf("session %d: the answer sets no cookie", i)
		}
		s.cookies = append(s.cookies, []string{cookie})
	}
	return s, nil
}

func (s *site) instance(close func()) *instance {
	return workers(len(s.cookies), s.worker, close)
}

func (s *site) worker(op operation) worker {
	return s.workerWith(&recorder{header: http.Header{}}, op)
}

// workerWith sends its requests straight to the handler, with a request and a ResponseWriter
// that it uses again and again.
func (s *site) workerWith(rec *recorder, op operation) worker {
	header := http.Header{}
	template := http.Request{
		Method: method(op), URL: &url.URL{Path: paths[op]}, RequestURI: paths[op], Host: "localhost",
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header, Body: http.NoBody,
	}
	request := new(http.Request)
	return func(i int) error {
		switch op {
		case untouched, read, write:
			header["Cookie"] = s.cookies[i]
		case create:
			header[numberName] = s.numbers[i]
		}
		*request = template // some peers hang their session on the request's context
		rec.reset()
		s.handler.ServeHTTP(rec, request)
		return rec.check(op, s, i)
	}
}

// A recorder is a ResponseWriter that keeps the beginning of the answer.
type recorder struct {
	header http.Header
	status int
	body   [64]byte
	length int
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) { r.status = status }

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	r.length += copy(r.body[r.length:], b)
	return len(b), nil
}

func (r *recorder) reset() {
	clear(r.header)
	r.status, r.length = 0, 0
}

func (r *recorder) check(op operation, s *site, i int) error {
	body := r.body[:r.length]
	if r.status != http.StatusOK || len(body) == 0 {
		return fmt.Errorf("session %d: the answer is %d %q", i, r.status, body)
	}
	if op == read && string(body) != s.users[i] {
		return fmt.Errorf("session %d: the answer is %q, not %q", i, body, s.users[i])
	}
	return nil
}
