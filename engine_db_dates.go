package ginsession

import (
	"fmt"
	"time"

	"github.com/ginsession/ginsession/internal/sqlpool"
)

// date returns t as the database stores it.
func (s *dbStore) date(t time.Time) any {
	if s.dialect.textDates {
		return textDate(t.In(s.zone))
	}
	return t.UTC()
}

// moment returns now to be compared with what is stored. As text it has all its digits: it is
// then no less than a whole second that is stored without a fraction, as Django does, or with
// one, as earlier versions did.
func (s *dbStore) moment(now time.Time) any {
	if s.dialect.textDates {
		return textMoment(now.In(s.zone))
	}
	return now.UTC()
}

// textDate writes a date as Django does in a database that keeps it as text: Python's
// str(datetime), which has no fraction of a whole second.
func textDate(t time.Time) string {
	text := textMoment(t)
	if t.Nanosecond() < 1000 {
		return text[:len(text)-len(".000000")]
	}
	return text
}

func textMoment(t time.Time) string { return t.Format("2006-01-02 15:04:05.000000") }

// scan reads a row of the load statement, or returns its error and no record.
func (s *dbStore) scan(row sqlpool.Row) (Record, error) {
	var columns struct {
		data, text string
		date       time.Time
	}
	var err error
	if s.dialect.textDates {
		if err = row.Scan(&columns.data, &columns.text); err == nil {
			columns.date, err = parseTextDate(columns.text, s.zone)
		}
	} else {
		err = row.Scan(&columns.data, &columns.date)
	}
	if err != nil {
		return Record{}, err
	}
	return Record{Data: bytesOf(columns.data), Expires: columns.date}, nil
}

// parseTextDate reads a date as a database's text, with or without a fraction or an offset.
func parseTextDate(text string, zone *time.Location) (time.Time, error) {
	t, err := time.ParseInLocation("2006-01-02 15:04:05.999999999", text, zone)
	if err == nil {
		return t, nil
	}
	for _, layout := range []string{"2006-01-02 15:04:05.999999999Z07:00", "2006-01-02T15:04:05.999999999Z07:00"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("ginsession: expire_date holds %q, which is no date", text)
}
