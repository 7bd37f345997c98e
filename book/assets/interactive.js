// Lets one look into the drawings of bursts that burst2vec/report/interactive.py writes: choose what is drawn, choose a
// burst by mouse, touch or keyboard, read what it is, and hear it. Each drawing brings its data with it as JSON.
for (const view of document.querySelectorAll('.bursts:not([data-ready])')) {
  view.dataset.ready = '';
  const data = JSON.parse(view.querySelector('script[type="application/json"]').textContent);
  const panels = [...view.querySelectorAll('.panels svg')];
  const points = panels.map(panel => [...panel.querySelectorAll('.points use')]);
  const said = view.querySelector('.said p');
  let drawn = Object.keys(data.places)[0], chosen = null, audio = null;
  const inTurn = () => data.heard[drawn].length ? data.heard[drawn] : data.texts.map((_, row) => row);

  const ring = () => panels.forEach((panel, i) => {
    const circle = panel.querySelector('.chosen'), [x, y] = data.places[drawn][i][chosen];
    circle.setAttribute('cx', x);
    circle.setAttribute('cy', y);
    circle.setAttribute('visibility', 'visible');
  });

  const choose = (row, play) => {
    chosen = row;
    ring();
    const reading = data.readings[drawn] ? ` ${data.readings[drawn][row]}` : '';
    const order = inTurn(), place = order.indexOf(row), sound = data.sounds[row];
    const silent = Object.keys(data.sounds).length && !sound ? ' (No sound on this page.)' : '';
    said.textContent = data.texts[row] + reading + (place < 0 ? silent : ` (${place + 1} of ${order.length})`);
    if (audio) audio.remove();
    audio = null;
    if (!sound) return;
    audio = document.createElement('audio');  // only now: nothing is decoded before it is asked for
    audio.controls = true;
    audio.src = sound;
    audio.setAttribute('aria-label', data.texts[row]);
    view.querySelector('.said').append(audio);
    if (play) audio.play().catch(() => {});  // a browser may forbid it; the button of the player is there
  };

  const step = by => {
    const order = inTurn(), place = order.indexOf(chosen);
    const next = place < 0 ? (by > 0 ? 0 : order.length - 1) : (place + by + order.length) % order.length;
    choose(order[next], false);
  };

  const nearest = (panel, event) => {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(panel.getScreenCTM().inverse());
    const far = ([x, y]) => (x - at.x) ** 2 + (y - at.y) ** 2;
    const places = data.places[drawn][panels.indexOf(panel)];
    return places.reduce((best, place, row) => far(place) < far(places[best]) ? row : best, 0);
  };

  const set = {
    places: name => {
      drawn = name;
      data.places[name].forEach((places, i) => places.forEach(([x, y], row) => {
        points[i][row].setAttribute('x', x);
        points[i][row].setAttribute('y', y);
      }));
      if (chosen !== null) choose(chosen, false);
    },
    marks: name => {
      for (const drawing of points) data.marks[name].forEach((mark, row) => {
        drawing[row].setAttribute('href', `#${view.id}-${Math.max(mark, 0)}`);
        drawing[row].setAttribute('class', `m${mark}${row in data.sounds ? ' heard' : ''}`);
      });
      for (const legend of view.querySelectorAll('.legend')) legend.hidden = legend.dataset.marks !== name;
    },
  };

  for (const hidden of view.querySelectorAll('.controls, .said')) hidden.hidden = false;
  const plot = view.querySelector('.panels');
  plot.tabIndex = 0;
  plot.setAttribute('role', 'group');
  plot.setAttribute('aria-label', 'bursts: the arrow keys choose one, Enter plays it');
  panels.forEach(panel => panel.addEventListener('click', event => choose(nearest(panel, event), true)));
  for (const select of view.querySelectorAll('select')) {
    select.addEventListener('change', () => set[select.dataset.sets](select.value));
    set[select.dataset.sets](select.value);  // a browser may have kept an earlier choice
  }
  for (const button of view.querySelectorAll('[data-step]')) {
    button.addEventListener('click', () => step(Number(button.dataset.step)));
  }
  plot.addEventListener('keydown', event => {
    const by = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key];
    if (by) step(by);
    else if ((event.key === 'Enter' || event.key === ' ') && audio) audio.play().catch(() => {});
    else return;
    event.preventDefault();
  });
}
