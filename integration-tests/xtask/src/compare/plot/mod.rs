//! The comparison as a picture: bars on a logarithmic scale, a group a row, a colour a peer.
//!
//! ```text
//!   title, machine, legend
//!   ┌ times ────────────┐ ┌ times ────────────┐
//!   │ yield    ▇▇ 8     │ │ timers   ▇▇▇ 150  │
//!   │          ▇▇▇▇ 54  │ │          ▇▇▇▇ 390 │      two columns, a scale each; below them what is no time
//!   │ …                 │ │ …                 │
//!   └───────────────────┘ └───────────────────┘
//! ```
//!
//! The 99th percentile is a thin line that goes on from the bar of the median.

mod groups;

use super::table::Line;
use super::unit::{Unit, figure};
use groups::{COLOURS, Group, groups};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::ops::Range;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

const WIDTH: u32 = 880;
const HEAD: i32 = 80;
const BAR: i32 = 11;
const GAP: i32 = 7;
/// Left of the bars the names, right of them the figures.
const NAMES: u32 = 110;
const FIGURES: u32 = 58;
const AXIS: u32 = 20;
const FONT: &str = "sans-serif";
const TEXT: RGBColor = RGBColor(0x24, 0x29, 0x2f);
const SOFT: RGBColor = RGBColor(0x65, 0x6d, 0x76);
const FAINT: RGBColor = RGBColor(0xd0, 0xd7, 0xde);

impl Group {
    fn height(&self) -> i32 {
        self.bars.len() as i32 * BAR + GAP
    }
}

/// The picture as SVG.
pub fn draw(machine: &str, lines: &[Line]) -> Result<String, String> {
    let (times, others): (Vec<Group>, Vec<Group>) =
        groups(lines).into_iter().partition(|group| group.unit.nanoseconds().is_some());
    let (left, right) = halves(&times);
    let height = |groups: &[Group]| groups.iter().map(Group::height).sum::<i32>();
    let columns = height(left).max(height(right)) + 2 * AXIS as i32;
    let below = others.iter().map(|g| g.height() + 2 * AXIS as i32).max().unwrap_or(0);
    let mut svg = String::new();
    let root = SVGBackend::with_string(&mut svg, (WIDTH, (HEAD + columns + below) as u32));
    let root = root.into_drawing_area();
    let drawn = (|| {
        // Opaque and light, so that it can be read on a dark page.
        root.fill(&WHITE)?;
        head(&root, machine, &times, &others)?;
        let (_, rest) = root.split_vertically(HEAD);
        let (upper, lower) = rest.split_vertically(columns);
        for (area, groups) in upper.split_evenly((1, 2)).iter().zip([left, right]) {
            panel(area, groups, scale(groups), &time)?;
        }
        for (area, group) in lower.split_evenly((1, others.len().max(1))).iter().zip(&others) {
            let group = std::slice::from_ref(group);
            panel(area, group, scale(group), &|v| figure(v).replace(".00", ""))?;
        }
        root.present()
    })();
    drop(root);
    drawn.map_err(|e: DrawingAreaErrorKind<_>| e.to_string())?;
    Ok(svg)
}

/// The groups in two columns of about the same height, in their order.
fn halves(groups: &[Group]) -> (&[Group], &[Group]) {
    let all: i32 = groups.iter().map(Group::height).sum();
    let mut above = 0;
    let half = groups.iter().position(|group| {
        above += group.height();
        above * 2 >= all
    });
    groups.split_at(half.map_or(0, |at| at + 1))
}

/// A value on its panel's scale: times in nanoseconds.
fn on_scale(unit: Unit, value: f64) -> f64 {
    value * unit.nanoseconds().unwrap_or(1.0)
}

/// Whole decades around all finite values.
fn scale(groups: &[Group]) -> Range<f64> {
    let bars = groups.iter().flat_map(|g| g.bars.iter().map(move |bar| (g.unit, bar)));
    let values =
        bars.flat_map(|(unit, b)| [Some(b.value), b.p99].map(|v| Some(on_scale(unit, v?))));
    let values: Vec<f64> = values.flatten().filter(|v| v.is_finite()).collect();
    let low = values.iter().copied().fold(f64::INFINITY, f64::min).min(1e9).log10().floor();
    let high = values.iter().copied().fold(10.0, f64::max).log10().ceil();
    10f64.powf(low)..10f64.powf(high.max(low + 1.0))
}

/// Nanoseconds as a word under the axis.
fn time(ns: f64) -> String {
    let (value, unit) = match ns {
        v if v < 999.0 => (v, "ns"),
        v if v < 999e3 => (v / 1e3, "µs"),
        v if v < 999e6 => (v / 1e6, "ms"),
        v => (v / 1e9, "s"),
    };
    format!("{value:.0} {unit}")
}

type Drawn<'a> = Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>>;

/// Text of this many pixels; the backend takes off a quarter of what it is told.
fn style(size: i32, colour: &RGBColor, h: HPos, v: VPos) -> TextStyle<'_> {
    (FONT, f64::from(size) * 1.24).into_font().color(colour).pos(Pos::new(h, v))
}

fn head<'a>(root: &Area<'a>, machine: &str, times: &[Group], others: &[Group]) -> Drawn<'a> {
    let left = |size| style(size, &TEXT, HPos::Left, VPos::Center);
    root.draw_text(
        "g0 and its peers: time of one operation, median, on a logarithmic scale; shorter is better",
        &left(16),
        (12, 18),
    )?;
    root.draw_text(machine, &left(12), (12, 38))?;
    let mut x = 12;
    for (key, (_, name, colour)) in COLOURS.iter().enumerate() {
        let is = |group: &Group| group.bars.iter().any(|bar| bar.who == key);
        if times.iter().chain(others).any(is) {
            root.draw(&Rectangle::new([(x, 53), (x + 10, 63)], colour.filled()))?;
            root.draw_text(name, &left(12), (x + 14, 58))?;
            x += 34 + 7 * name.len() as i32;
        }
    }
    if times.iter().any(|group| group.bars.iter().any(|bar| bar.p99.is_some())) {
        root.draw(&PathElement::new([(x, 58), (x + 14, 58)], TEXT))?;
        root.draw_text("99th percentile", &left(12), (x + 18, 58))?;
    }
    Ok(())
}

/// One scale, and the groups on it.
fn panel<'a>(
    area: &Area<'a>,
    groups: &[Group],
    scale: Range<f64>,
    label: &dyn Fn(f64) -> String,
) -> Drawn<'a> {
    let height = groups.iter().map(Group::height).sum::<i32>();
    let (_, tall) = area.dim_in_pixel();
    let mut chart = ChartBuilder::on(area)
        .margin_right(FIGURES)
        .margin_bottom(tall.saturating_sub(height as u32 + AXIS))
        .x_label_area_size(AXIS)
        .y_label_area_size(NAMES)
        .build_cartesian_2d(scale.clone().log_scale(), height..0)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .bold_line_style(FAINT)
        .light_line_style(TRANSPARENT)
        .axis_style(FAINT)
        .x_labels(6)
        .x_label_formatter(&|v| label(*v))
        .label_style(style(10, &TEXT, HPos::Center, VPos::Top))
        .draw()?;
    let names = style(11, &TEXT, HPos::Right, VPos::Center);
    let notes = style(9, &SOFT, HPos::Right, VPos::Center);
    let mut top = GAP / 2;
    for group in groups {
        let middle = top + group.bars.len() as i32 * BAR / 2;
        let at = chart.backend_coord(&(scale.start, middle));
        let at = (at.0 - 6 - area.get_base_pixel().0, at.1 - area.get_base_pixel().1);
        let up = if group.note.is_empty() { 0 } else { 6 };
        area.draw_text(group.name, &names, (at.0, at.1 - up))?;
        if up > 0 {
            area.draw_text(group.note, &notes, (at.0, at.1 + up + 1))?;
        }
        for bar in &group.bars {
            let end = on_scale(group.unit, bar.value).clamp(scale.start, scale.end);
            let colour = COLOURS[bar.who].2;
            let corners = [(scale.start, top + 1), (end, top + BAR - 1)];
            chart.draw_series([Rectangle::new(corners, colour.filled())])?;
            let mut right = end;
            if let Some(p99) = bar.p99.filter(|v| v.is_finite()) {
                right = on_scale(group.unit, p99).clamp(end, scale.end);
                let line = [(end, top + BAR / 2), (right, top + BAR / 2)];
                chart.draw_series([PathElement::new(line, colour)])?;
            }
            let at = chart.backend_coord(&(right, top + BAR / 2));
            let at = (at.0 + 3 - area.get_base_pixel().0, at.1 - area.get_base_pixel().1);
            let shown = shown(group.unit, bar.value);
            area.draw_text(&shown, &style(10, &TEXT, HPos::Left, VPos::Center), at)?;
            top += BAR;
        }
        top += GAP;
    }
    Ok(())
}

/// A figure behind its bar, with its unit where it is a time.
fn shown(unit: Unit, value: f64) -> String {
    match unit.nanoseconds() {
        Some(_) if value.is_finite() => format!("{} {}", figure(value), unit.name()),
        _ => figure(value),
    }
}

#[cfg(test)]
mod tests {
    use super::groups::tests::line;
    use super::*;

    #[test]
    fn a_scale_has_whole_decades_around_all_that_ends() {
        let lines = [line("sleep-busy-p50", 90.0, "may", Some(f64::INFINITY))];
        // 90 µs are 90,000 ns.
        assert_eq!(scale(&groups(&lines)), 1e4..1e5);
        assert_eq!([1.0, 1e3, 1e6, 1e9].map(time), ["1 ns", "1 µs", "1 ms", "1 s"]);
    }

    #[test]
    fn the_columns_keep_the_order_and_split_in_the_middle() {
        let names = ["yield", "ring", "mutex", "lock"];
        let lines: Vec<Line> = names.iter().map(|n| line(n, 9.0, "go", Some(8.0))).collect();
        let groups = groups(&lines);
        let (left, right) = halves(&groups);
        assert_eq!((left.len(), right.len(), right[0].name), (2, 2, "mutex"));
        assert_eq!((halves(&[]).0.len(), halves(&groups[..1]).1.len()), (0, 0));
    }

    #[test]
    fn the_picture_is_svg_with_an_opaque_ground_a_unit_and_the_machine() {
        let lines = [
            line("yield", 8.0, "go", Some(54.1)),
            line("sleep-busy-p50", 90.0, "may", Some(f64::INFINITY)),
            line("guarded", 1e6, "may", Some(32_741.0)),
        ];
        let svg = draw("some machine", &lines).unwrap();
        for part in ["<svg", "#FFFFFF", "some machine", "54.1 ns", "90.0 µs", "never", "1,000,000"]
        {
            assert!(svg.contains(part), "{part}: {svg}");
        }
        assert!(draw("nothing", &[]).is_ok());
    }
}
