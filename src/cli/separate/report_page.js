'use strict';
(() => {
  const clock = s => {
    s = Math.max(0, Math.floor(s || 0));
    const two = n => String(n).padStart(2, '0');
    const h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;
    return (h ? h + ':' + two(m) : m) + ':' + two(s % 60);
  };
  let stopOther = () => {};

  /* All files of a track at once, the mix muted; the first that plays keeps the time. */
  const mixer = track => {
    const bar = track.querySelector('.mixer');
    const rows = [...track.querySelectorAll('.channel')].map(element => ({
      element, audio: element.querySelector('audio'), mute: element.querySelector('.mute'),
      solo: element.querySelector('.solo'), good: true
    }));
    if (!bar || !rows.length) return;
    const play = bar.querySelector('.play'), seek = bar.querySelector('input');
    const time = bar.querySelector('.clock');
    let playing = false, dragging = false, position = 0, corrected = 0;
    const pressed = button => button.getAttribute('aria-pressed') === 'true';
    const good = () => rows.filter(row => row.good);
    const length = () => Number(seek.max);
    const show = () => {
      if (!dragging) seek.value = position;
      time.textContent = clock(position) + ' / ' + clock(Math.round(length()));
    };
    const hear = () => {
      const solo = rows.some(row => pressed(row.solo));
      for (const row of rows) {
        row.audio.muted = solo ? !pressed(row.solo) : pressed(row.mute);
        row.element.classList.toggle('silent', row.audio.muted);
      }
    };
    const ready = row => new Promise(done => {
      if (!row.good || row.audio.readyState >= 3) return done();
      const end = () => done();
      row.audio.addEventListener('canplay', end, {once: true});
      row.audio.addEventListener('error', end, {once: true});
      row.audio.preload = 'auto';
      row.audio.load();
    });
    const place = () => good().forEach(row => { row.audio.currentTime = position; });
    const pause = () => {
      playing = false;
      good().forEach(row => row.audio.pause());
      play.textContent = 'Play';
    };
    /* A seek can be heard and ends up nowhere exact, a rate 2 % off does neither. */
    const align = (audio, moment) => {
      const late = moment - audio.currentTime;
      if (!audio.ended && Math.abs(late) > 0.25) audio.currentTime = moment;
      audio.playbackRate = Math.abs(late) < 0.003 ? 1 : 1 + Math.max(-0.02, Math.min(0.02, late));
    };
    const follow = now => {
      if (!playing) return;
      const leader = good()[0];
      if (!leader) return pause();
      position = leader.audio.currentTime;
      if (now - corrected > 100) {
        corrected = now;
        good().forEach(row => align(row.audio, leader.audio.currentTime));
      }
      show();
      if (leader.audio.ended) {
        pause();
        position = 0;
        show();
      } else requestAnimationFrame(follow);
    };
    const start = async () => {
      stopOther();
      stopOther = pause;
      playing = true;
      play.textContent = 'Pause';
      await Promise.all(rows.map(ready));
      if (!playing) return;
      place();
      hear();
      await Promise.allSettled(good().map(row => row.audio.play()));
      requestAnimationFrame(follow);
    };
    for (const row of rows) {
      row.audio.controls = false;
      row.audio.preservesPitch = false;
      row.element.querySelector('.switches').hidden = false;
      row.audio.addEventListener('error', () => {
        row.good = false;
        row.mute.disabled = row.solo.disabled = true;
        row.element.querySelector('.fault').textContent = 'this browser cannot play it';
      });
      for (const button of [row.mute, row.solo])
        button.addEventListener('click', () => {
          button.setAttribute('aria-pressed', String(!pressed(button)));
          hear();
        });
    }
    if (rows.length > 1 && rows[0].element.hasAttribute('data-mix'))
      rows[0].mute.setAttribute('aria-pressed', 'true');
    play.addEventListener('click', () => playing ? pause() : start());
    seek.addEventListener('input', () => { dragging = true; });
    seek.addEventListener('change', () => {
      dragging = false;
      position = Number(seek.value);
      place();
      show();
    });
    bar.hidden = false;
    hear();
    show();
  };
  document.querySelectorAll('.track').forEach(mixer);
})();
