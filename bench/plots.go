package main

import (
	"image/color"
	"os"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

var (
	blue   = color.RGBA{0x1f, 0x6f, 0xb5, 0xff}
	orange = color.RGBA{0xd9, 0x6c, 0x06, 0xff}
	grey   = color.RGBA{0x77, 0x77, 0x77, 0xff}
)

func drawPlots(m *measured) error {
	if err := os.MkdirAll("plots", 0o755); err != nil {
		return err
	}
	if err := drawRequests(m); err != nil {
		return err
	}
	if err := drawRows(m); err != nil {
		return err
	}
	for database, c := range m.cleaning {
		if err := drawCleaning(database, c); err != nil {
			return err
		}
	}
	return nil
}

// A line of the plot of requests.
type bar struct {
	name        string
	read, write float64 // µs
}

// drawRequests draws READ and WRITE of every engine and peer, the quickest at the top.
func drawRequests(m *measured) error {
	var bars []bar
	for _, id := range []string{sqliteSection, postgresSection, memorySection, redisSection, cookieSection, fileSection} {
		for _, c := range m.sections[id].Cells {
			known := slices.ContainsFunc(bars, func(b bar) bool { return b.name == c.Subject })
			if c.Task != "READ" || known || strings.HasPrefix(c.Subject, "raw") {
				continue
			}
			b := bar{name: c.Subject, read: spreadOf(c.Nanos).median / 1000}
			if w := m.cell(id, c.Subject, task{write, 1}); w != nil {
				b.write = spreadOf(w).median / 1000
			}
			bars = append(bars, b)
		}
	}
	bars = slices.DeleteFunc(bars, func(b bar) bool { return b.write == 0 })
	if len(bars) == 0 {
		return nil
	}
	slices.SortFunc(bars, func(a, b bar) int { return int(1000*b.read) - int(1000*a.read) })
	p := plot.New()
	p.Title.Text = "A request that reads its session (●) and one that writes it (▲)"
	p.X.Label.Text = "µs, logarithmic; blue is ginsession"
	p.X.Scale = plot.LogScale{}
	p.X.Tick.Marker = plot.LogTicks{Prec: -1}
	p.Add(plotter.NewGrid())
	names := make([]string, len(bars))
	for i, b := range bars {
		names[i] = b.name
		shade := color.Color(grey)
		if strings.HasPrefix(b.name, "ginsession") {
			shade = blue
		}
		for _, point := range []struct {
			x     float64
			shape draw.GlyphDrawer
		}{{b.read, draw.CircleGlyph{}}, {b.write, draw.PyramidGlyph{}}} {
			s, err := plotter.NewScatter(plotter.XYs{{X: point.x, Y: float64(i)}})
			if err != nil {
				return err
			}
			s.GlyphStyle = draw.GlyphStyle{Color: shade, Radius: vg.Points(3.5), Shape: point.shape}
			p.Add(s)
		}
	}
	p.NominalY(names...)
	// Room for the outermost points beside the names and the title.
	p.X.Min, p.Y.Min, p.Y.Max = 1, -0.7, float64(len(bars))-0.3
	return p.Save(22*vg.Centimeter, vg.Length(len(bars))*0.6*vg.Centimeter+3*vg.Centimeter, "plots/requests.svg")
}

// drawRows draws READ against the number of rows.
func drawRows(m *measured) error {
	sizes := []struct {
		name  string
		count float64
	}{{"1k", baseRows}, {"100k", 100_000}, {"1M", 1_000_000}}
	p := plot.New()
	p.Title.Text = "READ against the number of sessions in the table"
	p.X.Label.Text, p.Y.Label.Text = "rows", "µs"
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker, p.Y.Tick.Marker = plot.LogTicks{Prec: -1}, plot.LogTicks{Prec: -1}
	p.Legend.Top, p.Legend.Left = true, true
	p.Add(plotter.NewGrid())
	drawn := 0
	for i, subject := range []string{
		"raw SELECT, UPDATE, SQLite", "ginsession DB, SQLite", "scs sqlite3store", "gin-contrib gorm, SQLite",
		"raw SELECT, UPDATE, PostgreSQL", "ginsession DB, PostgreSQL", "scs pgxstore", "gin-contrib gorm, PostgreSQL",
	} {
		var points plotter.XYs
		for _, size := range sizes {
			if c := m.cell(rowsSectionPrefix+size.name, subject, task{read, 1}); c != nil {
				points = append(points, plotter.XY{X: size.count, Y: spreadOf(c).median / 1000})
			}
		}
		if len(points) < 2 {
			continue
		}
		line, err := plotter.NewLine(points)
		if err != nil {
			return err
		}
		line.Color = []color.Color{grey, blue, orange, color.Black}[i%4]
		line.Width = vg.Points(1.5)
		if i >= 4 {
			line.Dashes = []vg.Length{vg.Points(5), vg.Points(3)}
		}
		p.Add(line)
		p.Legend.Add(subject, line)
		drawn++
	}
	if drawn == 0 {
		return nil
	}
	p.Y.Max *= 6 // room for the legend
	return p.Save(18*vg.Centimeter, 13*vg.Centimeter, "plots/rows.svg")
}

// drawCleaning draws how long an UPDATE took over the run, the longest of each moment.
func drawCleaning(database string, c cleaning) error {
	p := plot.New()
	p.Title.Text = "Time of an UPDATE while half of the rows are cleaned away, " + database
	p.X.Label.Text, p.Y.Label.Text = "s since the beginning", "ms, logarithmic"
	p.Y.Scale = plot.LogScale{}
	p.Y.Tick.Marker = plot.LogTicks{Prec: -1}
	p.Legend.Top = true
	p.Add(plotter.NewGrid())
	for _, way := range []struct {
		name  string
		sweep sweep
		color color.Color
	}{{"one DELETE", c.OneDelete, orange}, {"ClearExpired", c.Batches, blue}} {
		line, err := plotter.NewLine(longestOfMoments(way.sweep))
		if err != nil {
			return err
		}
		line.Color, line.Width = way.color, vg.Points(1)
		p.Add(line)
		p.Legend.Add(way.name, line)
	}
	p.Y.Max *= 3
	return p.Save(18*vg.Centimeter, 10*vg.Centimeter, "plots/cleaning-"+strings.ToLower(database)+".svg")
}

// longestOfMoments divides a sweep into moments. An update stands at the moment it began, and
// at the one it ended.
func longestOfMoments(s sweep) plotter.XYs {
	const moments = 300
	width := s.Seconds * 1000 / moments
	var points plotter.XYs
	for _, u := range s.Updates {
		for _, at := range []float64{u.AtMillis, u.AtMillis + u.Millis} {
			x := float64(int(at/width)) * width / 1000
			last := len(points) - 1
			if last >= 0 && points[last].X == x {
				points[last].Y = max(points[last].Y, u.Millis)
				continue
			}
			if last < 0 || points[last].X < x {
				points = append(points, plotter.XY{X: x, Y: u.Millis})
			}
		}
	}
	return points
}
