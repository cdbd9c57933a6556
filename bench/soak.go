package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/ginsession/ginsession"
)

// soak sends requests over sockets to a server in a process of its own, at a rate below what
// it can bear, and watches that nothing of it grows.
func soak(args []string) error {
	flags := flag.NewFlagSet("soak", flag.ExitOnError)
	duration := flags.Duration("duration", 30*time.Minute, "how long to send")
	rate := flags.Int("rate", 0, "requests a second; 0 for a third of what the server bears")
	database := flags.String("database", "PostgreSQL", "PostgreSQL or SQLite")
	_ = flags.Parse(args)

	s, err := startServer(*database)
	if err != nil {
		return err
	}
	defer s.stop()
	bears, err := s.saturate(5 * time.Second)
	if err != nil {
		return err
	}
	if *rate == 0 {
		*rate = max(1, int(bears)/3)
	}
	log.Printf("the server bears %.0f requests a second; sending %d for %v", bears, *rate, *duration)
	var w bytes.Buffer
	fmt.Fprintf(&w, "## Soak\n\nMeasured by `make bench-soak` on %s, %s: %v over sockets, with vegeta over %d connections, against a server in a process of its own with ginsession.DB on %s. "+
		"89 of 100 requests read their session, 10 write it, 1 begins one. The server bears %.0f a second; it gets %d.\n\n",
		time.Now().UTC().Format(time.DateOnly), machine(), *duration, clients, *database, bears, *rate)
	total, lines, err := s.attack(*rate, *duration)
	if err != nil {
		return err
	}
	table(&w, soakHeader, lines)
	fmt.Fprintf(&w, "In all: %d requests, %d errors, p50 %v, p99 %v, p99.9 %v, longest %v.\n\n", total.Requests, failures(total),
		total.Latencies.P50.Round(time.Microsecond), total.Latencies.P99.Round(time.Microsecond),
		total.Latencies.Quantile(0.999).Round(time.Microsecond), total.Latencies.Max.Round(time.Microsecond))
	return replacePart(resultsFile, "soak", w.String())
}

var soakHeader = []string{"after", "requests", "errors", "p50", "p99", "p99.9", "longest", "goroutines", "file descriptors", "memory", "heap"}

func failures(m *vegeta.Metrics) int { return int(m.Requests) - m.StatusCodes["200"] }

// A soakServer is the server's process, seen from the client's.
type soakServer struct {
	process *exec.Cmd
	stdin   io.Closer
	client  *http.Client
	address string
	keys    []string
}

// clients is how many connections the client opens, before the requests are counted: what the
// server's goroutines and descriptors grow by later is the server's own doing.
const clients = 4 * connections

func startServer(database string) (*soakServer, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s := &soakServer{
		process: exec.Command(program, "serve", "-database", database),
		client: &http.Client{
			Timeout:   30 * time.Second,
			Transport: &http.Transport{MaxConnsPerHost: clients, MaxIdleConnsPerHost: clients},
		},
	}
	s.process.Stderr = os.Stderr
	stdin, err := s.process.StdinPipe()
	if err != nil {
		return nil, err
	}
	s.stdin = stdin
	stdout, err := s.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.process.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if s.address == "" {
			s.address = lines.Text()
			continue
		}
		s.keys = append(s.keys, lines.Text())
		if len(s.keys) == baseRows {
			return s, nil
		}
	}
	s.stop()
	return nil, errors.New("the server did not start: see above")
}

// stop ends the server, which waits for the end of its standard input.
func (s *soakServer) stop() {
	_ = s.stdin.Close()
	_ = s.process.Wait()
}

// targeter mixes the requests.
func (s *soakServer) targeter(t *vegeta.Target) error {
	t.URL, t.Body = "http://"+s.address, nil
	t.Header = http.Header{"Cookie": {s.keys[rand.IntN(len(s.keys))]}}
	switch dice := rand.IntN(100); {
	case dice < 89:
		t.Method, t.URL = http.MethodGet, t.URL+readPath
	case dice < 99:
		t.Method, t.URL = http.MethodPost, t.URL+writePath
	default:
		t.Method, t.URL = http.MethodPost, t.URL+createPath
		t.Header = http.Header{numberName: {"0"}}
	}
	return nil
}

// saturate returns how many requests a second are answered when no client waits.
func (s *soakServer) saturate(d time.Duration) (float64, error) {
	attacker := vegeta.NewAttacker(vegeta.Client(s.client), vegeta.Workers(clients), vegeta.MaxWorkers(clients))
	var m vegeta.Metrics
	for r := range attacker.Attack(s.targeter, vegeta.Rate{}, d, "saturate") {
		m.Add(r)
	}
	m.Close()
	if failures(&m) > 0 {
		return 0, fmt.Errorf("%d of %d requests failed: %v", failures(&m), m.Requests, m.Errors)
	}
	return m.Throughput, nil
}

// attack sends for so long and makes a line a minute, or ten of them if it is shorter. A request
// that has to wait for one of the connections has waited for its answer.
func (s *soakServer) attack(rate int, d time.Duration) (*vegeta.Metrics, [][]string, error) {
	attacker := vegeta.NewAttacker(vegeta.Client(s.client), vegeta.Workers(clients), vegeta.MaxWorkers(16*clients))
	total, part := &vegeta.Metrics{}, &vegeta.Metrics{}
	every := min(time.Minute, d/10)
	began := time.Now()
	next := began.Add(every)
	var lines [][]string
	for r := range attacker.Attack(s.targeter, vegeta.Rate{Freq: rate, Per: time.Second}, d, "soak") {
		total.Add(r)
		part.Add(r)
		if time.Now().Before(next) {
			continue
		}
		line, err := s.line(time.Since(began), part)
		if err != nil {
			return nil, nil, err
		}
		lines = append(lines, line)
		log.Print(strings.Join(line, "  "))
		part, next = &vegeta.Metrics{}, time.Now().Add(every)
	}
	total.Close()
	return total, lines, nil
}

func (s *soakServer) line(after time.Duration, m *vegeta.Metrics) ([]string, error) {
	m.Close()
	state, err := s.state()
	if err != nil {
		return nil, err
	}
	descriptors, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.process.Process.Pid))
	if err != nil {
		return nil, err
	}
	short := func(d time.Duration) string { return d.Round(10 * time.Microsecond).String() }
	return []string{
		after.Round(time.Second).String(), fmt.Sprint(m.Requests), fmt.Sprint(failures(m)),
		short(m.Latencies.P50), short(m.Latencies.P99), short(m.Latencies.Quantile(0.999)), short(m.Latencies.Max),
		strconv.Itoa(state.Goroutines), strconv.Itoa(len(descriptors)),
		fmt.Sprintf("%.0f MiB", residentMiB(s.process.Process.Pid)), fmt.Sprintf("%.0f MiB", state.HeapMiB),
	}, nil
}

// serverState is what the server tells about itself.
type serverState struct {
	Goroutines int
	HeapMiB    float64
}

const statePath = "/state"

func (s *soakServer) state() (state serverState, err error) {
	response, err := http.Get("http://" + s.address + statePath)
	if err != nil {
		return state, err
	}
	defer response.Body.Close()
	return state, json.NewDecoder(response.Body).Decode(&state)
}

// serveSite is the server's process: it prints its address and its visitors' cookies, and
// serves until its standard input ends.
func serveSite(args []string) error {
	flags := flag.NewFlagSet("serve", flag.ExitOnError)
	database := flags.String("database", "PostgreSQL", "")
	_ = flags.Parse(args)

	e := &environment{content: small, rows: baseRows}
	defer e.close()
	db, _, err := e.gorm(*database)
	if err != nil {
		return err
	}
	if err := ginsession.Migrate(db); err != nil {
		return err
	}
	m, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.DB(db), Logger: silent, StoreTimeout: storeTimeout})
	if err != nil {
		return err
	}
	s, err := newSite(ourHandler(m, &clock{every: baseRows}, small.sessions(baseRows)), baseRows)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/", s.handler)
	mux.HandleFunc(statePath, func(w http.ResponseWriter, _ *http.Request) {
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		_ = json.NewEncoder(w).Encode(serverState{runtime.NumGoroutine(), float64(stats.HeapInuse) / (1 << 20)})
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	for _, cookie := range s.cookies {
		fmt.Println(cookie[0])
	}
	server := &http.Server{Handler: mux}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = server.Close()
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
