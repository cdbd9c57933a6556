package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// A terminal is an open terminal device.
type terminal struct{ file *os.File }

// terminalOf returns stderr as a terminal. ok is false if it is none, or cannot move the cursor.
func terminalOf(e *environment) (t terminal, ok bool) {
	file, ok := e.stderr.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) || e.getenv("TERM") == "dumb" {
		return terminal{}, false
	}
	return terminal{file}, true
}

// width returns the number of columns.
func (t terminal) width() int {
	if columns, _, err := term.GetSize(int(t.file.Fd())); err == nil && columns > 0 {
		return columns
	}
	return 80
}

// A progressBar shows how many sessions have been removed, on one line that is drawn again at
// each change. erase does nothing on a nil bar.
type progressBar struct {
	terminal terminal
	total    int64
}

// Control sequences (ECMA-48): move to the start of the line, erase to its end.
const (
	lineStart = "\r"
	eraseLine = "\x1b[K"
)

func (b *progressBar) draw(done int64) {
	_, _ = io.WriteString(b.terminal.file, lineStart+b.line(done, b.terminal.width())+eraseLine)
}

func (b *progressBar) erase() {
	if b != nil {
		_, _ = io.WriteString(b.terminal.file, lineStart+eraseLine)
	}
}

// line returns a text of less than width columns: some terminals begin a new line after a full one.
func (b *progressBar) line(done int64, width int) string {
	total := max(b.total, done) // more sessions expire while the command runs
	percent := fmt.Sprintf("%3d%%", done*100/max(total, 1))
	counts := fmt.Sprintf("%s  %d of %d removed", percent, done, total)
	room := min(width-1-len("[]  ")-len(counts), 40)
	if room < 5 {
		return percent
	}
	filled := int(done * int64(room) / max(total, 1))
	return "[" + strings.Repeat("#", filled) + strings.Repeat(".", room-filled) + "]  " + counts
}
