package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/go-sql-driver/mysql"
)

// A worker is a process that serves a site. It is this program, started again with workerEnv.
type worker struct {
	address string
	orders  orders
	process *exec.Cmd
}

const workerEnv = "GINSESSION_TORTURE_WORKER"

// orders are what a worker is told by workerEnv.
type orders struct {
	Subject, Listen string
	Stores          stores
}

// startWorker starts a worker and waits until it listens.
func startWorker(o orders) (*worker, error) {
	w := &worker{orders: o}
	return w, w.start()
}

func (w *worker) start() error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	text, err := json.Marshal(w.orders)
	if err != nil {
		return err
	}
	process := exec.Command(program) //nolint:gosec // this program
	process.Env = append(os.Environ(), workerEnv+"="+string(text))
	process.Stderr = os.Stderr
	out, err := process.StdoutPipe()
	if err != nil {
		return err
	}
	if err := process.Start(); err != nil {
		return err
	}
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return fmt.Errorf("a worker of %q has not started: %w", w.orders.Subject, err)
	}
	w.process = process
	if w.orders.Listen == "" { // it keeps its address when it is started again
		w.address = strings.TrimSpace(address)
		w.orders.Listen = w.address
	}
	return nil
}

// kill ends the process at once, as a crash does.
func (w *worker) kill() {
	_ = w.process.Process.Kill()
	_ = w.process.Wait()
}

// work is the worker's main function.
func work(text string) error {
	gin.SetMode(gin.ReleaseMode)
	log.SetOutput(io.Discard) // every fault that is injected is an error to somebody
	if err := mysql.SetLogger(log.Default()); err != nil {
		return err
	}
	var o orders
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	s, err := find(o.Subject)
	if err != nil {
		return err
	}
	handler, err := s.open(o.Stores)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", cmp.Or(o.Listen, "127.0.0.1:0"))
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	return http.Serve(listener, handler) //nolint:gosec // the clients are ours
}
