"use strict";
// The page's 3D view, on the global THREE that stands before this script.
(() => {
  const box = document.getElementById("viewer");
  const canvas = box.querySelector("canvas");
  const models = JSON.parse(document.getElementById("viewer-models").textContent);
  const HOME = { yaw: 0.42, pitch: 0.08, zoom: 1 };
  const FIELD_OF_VIEW = 22;
  const SECONDS_PER_STEP = 0.32;

  const press = (buttons, chosen) =>
    buttons.forEach((button) => button.setAttribute("aria-pressed", String(button === chosen)));
  const tabs = [...box.querySelectorAll(".tabs [data-model]")];
  let choose = () => {};
  tabs.forEach((button) => button.addEventListener("click", () => {
    const number = Number(button.dataset.model);
    press(tabs, button);
    for (const part of box.querySelectorAll(".photo, .still")) {
      part.toggleAttribute("data-hidden", Number(part.dataset.model) !== number);
    }
    choose(number);
  }));

  let renderer;
  try {
    renderer = new THREE.WebGLRenderer({ canvas, antialias: true, alpha: true });
  } catch (error) {
    return; // Without WebGL the still pictures stay.
  }
  renderer.setPixelRatio(Math.min(window.devicePixelRatio || 1, 2));

  const vertexShader = `
    varying vec3 vNormal; varying vec3 vView;
    void main() {
      vec4 inCamera = modelViewMatrix * vec4(position, 1.0);
      vNormal = normalMatrix * normal; vView = -inCamera.xyz;
      gl_Position = projectionMatrix * inCamera;
    }`;
  // The lights of headwater.rendering.plain, in a camera frame with y up and z backward.
  const fragmentShader = `
    uniform vec3 clay; varying vec3 vNormal; varying vec3 vView;
    float shine;
    float light(vec3 n, vec3 v, vec3 towards, float power) {
      vec3 l = normalize(towards);
      shine += power * pow(max(dot(n, normalize(v + l)), 0.0), 30.0);
      return power * max(dot(n, l), 0.0);
    }
    void main() {
      vec3 v = normalize(vView), n = normalize(vNormal);
      if (dot(n, v) < 0.0) n = -n;
      shine = 0.0;
      float lit = 0.16 + light(n, v, vec3(-0.45, 0.65, 0.62), 0.62)
        + light(n, v, vec3(0.75, 0.10, 0.65), 0.22) + light(n, v, vec3(0.0, 0.0, 1.0), 0.16);
      vec3 shaded = pow(clay, vec3(2.2)) * lit + 0.10 * shine;
      gl_FragColor = vec4(pow(clamp(shaded, 0.0, 1.0), vec3(1.0 / 2.2)), 1.0);
    }`;

  // A photo is shown as it is: it brings its own light.
  const skinVertexShader = `
    varying vec2 vPlace;
    void main() { vPlace = uv; gl_Position = projectionMatrix * modelViewMatrix * vec4(position, 1.0); }`;
  const skinFragmentShader = `
    uniform sampler2D photo; varying vec2 vPlace;
    void main() { gl_FragColor = vec4(texture2D(photo, vPlace).rgb, 1.0); }`;

  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const scene = new THREE.Scene();
  const camera = new THREE.PerspectiveCamera(FIELD_OF_VIEW, 1, 10, 6000);
  const view = { ...HOME };
  const state = { model: 0, mode: box.querySelector("[data-mode][aria-pressed=true]").dataset.mode, step: 0, playing: false };
  const loaded = new Map();

  function load(number) {
    if (loaded.has(number)) return loaded.get(number);
    const source = models[Math.min(number, models.length - 1)];
    const packed = new Uint16Array(bytes(source.positions).buffer);
    const size = source.vertices * 3;
    const frames = [];
    for (let step = 0; step < source.steps; step++) {
      const frame = new Float32Array(size);
      for (let i = 0; i < size; i++) {
        frame[i] = source.low[i % 3] + packed[step * size + i] * source.scale[i % 3];
      }
      frames.push(frame);
    }
    const geometry = new THREE.BufferGeometry();
    geometry.setAttribute("position", new THREE.BufferAttribute(frames[frames.length - 1].slice(), 3));
    geometry.setIndex(new THREE.BufferAttribute(new Uint32Array(bytes(source.faces).buffer), 1));
    geometry.computeBoundingBox();
    const bounds = geometry.boundingBox.clone();
    const uniforms = { clay: { value: new THREE.Vector3(0.8, 0.78, 0.76) } };
    const solid = new THREE.Mesh(geometry, new THREE.ShaderMaterial({
      vertexShader, fragmentShader, uniforms, side: THREE.DoubleSide,
      polygonOffset: true, polygonOffsetFactor: 1, polygonOffsetUnits: 1,
    }));
    const wire = new THREE.Mesh(geometry, new THREE.MeshBasicMaterial({
      wireframe: true, color: 0x0f6a73, transparent: true, opacity: 0.55,
    }));
    const skin = dressed(source.skin);
    for (const part of [solid, wire, skin.mesh]) part.frustumCulled = false;
    const centre = bounds.getCenter(new THREE.Vector3());
    const extent = bounds.getSize(new THREE.Vector3());
    const group = new THREE.Group();
    group.add(solid, wire, skin.mesh);
    const model = { geometry, frames, group, solid, wire, skin, centre, extent };
    loaded.set(number, model);
    return model;
  }

  // The textured mesh: vertices stand twice where the texture is cut.
  function dressed(source) {
    const vertex = new Uint32Array(bytes(source.vertex).buffer);
    const geometry = new THREE.BufferGeometry();
    geometry.setAttribute("position", new THREE.BufferAttribute(new Float32Array(vertex.length * 3), 3));
    geometry.setIndex(new THREE.BufferAttribute(new Uint32Array(bytes(source.faces).buffer), 1));
    const uv = Float32Array.from(new Uint16Array(bytes(source.uv).buffer), (x) => x / 65535);
    geometry.setAttribute("uv", new THREE.BufferAttribute(uv, 2));
    const picture = new Image();
    const texture = new THREE.Texture(picture);
    texture.flipY = false;
    texture.generateMipmaps = false;
    texture.minFilter = THREE.LinearFilter;
    picture.onload = () => { texture.needsUpdate = true; draw(); };
    picture.src = source.image;
    const mesh = new THREE.Mesh(geometry, new THREE.ShaderMaterial({
      vertexShader: skinVertexShader, fragmentShader: skinFragmentShader,
      uniforms: { photo: { value: texture } }, side: THREE.DoubleSide,
    }));
    return { mesh, vertex };
  }

  function place(model, step) {
    const last = model.frames.length - 1;
    const from = Math.min(Math.floor(step), last), to = Math.min(from + 1, last);
    const share = step - from;
    const a = model.frames[from], b = model.frames[to];
    const position = model.geometry.attributes.position;
    for (let i = 0; i < a.length; i++) position.array[i] = a[i] + (b[i] - a[i]) * share;
    position.needsUpdate = true;
    model.geometry.computeVertexNormals();
    const { mesh, vertex } = model.skin;
    const dressed = mesh.geometry.attributes.position;
    for (let i = 0; i < vertex.length; i++) {
      for (let axis = 0; axis < 3; axis++) {
        dressed.array[3 * i + axis] = position.array[3 * vertex[i] + axis];
      }
    }
    dressed.needsUpdate = true;
  }

  function draw() {
    const model = load(state.model);
    const width = canvas.clientWidth, height = canvas.clientHeight;
    if (!width || !height) return;
    renderer.setSize(width, height, false);
    camera.aspect = width / height;
    const tan = Math.tan((FIELD_OF_VIEW * Math.PI) / 360);
    const half = Math.max(model.extent.y / 2, model.extent.x / 2 / Math.min(camera.aspect, 1));
    const distance = ((half * 1.12) / tan + model.extent.z / 2) / view.zoom;
    const flat = Math.cos(view.pitch) * distance;
    camera.position.set(
      model.centre.x + Math.sin(view.yaw) * flat,
      model.centre.y + Math.sin(view.pitch) * distance,
      model.centre.z + Math.cos(view.yaw) * flat,
    );
    camera.lookAt(model.centre);
    camera.updateProjectionMatrix();
    model.skin.mesh.visible = state.mode === "photo";
    model.solid.visible = state.mode !== "photo";
    model.wire.visible = state.mode === "wire";
    renderer.render(scene, camera);
  }

  const slider = box.querySelector("input[type=range]");
  const output = box.querySelector("output");
  const play = box.querySelector("[data-act=play]");

  function show(step) {
    state.step = step;
    slider.value = step;
    output.textContent = Math.round(step);
    place(load(state.model), step);
    draw();
  }

  choose = (number) => {
    stop();
    state.model = number;
    const model = load(number);
    scene.clear();
    scene.add(model.group);
    slider.max = model.frames.length - 1;
    show(model.frames.length - 1);
  };

  function stop() {
    state.playing = false;
    play.textContent = "Play the descent";
  }

  function start() {
    state.playing = true;
    play.textContent = "Stop";
    const begun = performance.now(), last = load(state.model).frames.length - 1;
    const tick = (now) => {
      if (!state.playing) return;
      const step = Math.min(Math.max(now - begun - 300, 0) / 1000 / SECONDS_PER_STEP, last);
      show(step);
      if (step >= last) stop();
      else requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  function turn(dx, dy) {
    view.yaw -= dx;
    view.pitch = Math.max(-1.2, Math.min(1.2, view.pitch + dy));
    draw();
  }
  function zoom(factor) {
    view.zoom = Math.max(0.5, Math.min(6, view.zoom * factor));
    draw();
  }
  function reset() {
    Object.assign(view, HOME);
    draw();
  }

  const pointers = new Map();
  const spread = () => {
    const [a, b] = [...pointers.values()];
    return Math.hypot(a.x - b.x, a.y - b.y);
  };
  canvas.addEventListener("pointerdown", (event) => {
    box.dataset.used = "yes";
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const gap = pointers.size === 2 ? spread() : 0;
    const dx = event.clientX - before.x, dy = event.clientY - before.y;
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (pointers.size === 2 && gap > 0) zoom(spread() / gap);
    else if (pointers.size === 1) turn(dx * 0.008, dy * 0.008);
  });
  for (const name of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(name, (event) => pointers.delete(event.pointerId));
  }
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    zoom(Math.exp(-event.deltaY * 0.003));
  }, { passive: false });
  const keys = {
    ArrowLeft: () => turn(0.12, 0), ArrowRight: () => turn(-0.12, 0),
    ArrowUp: () => turn(0, 0.12), ArrowDown: () => turn(0, -0.12),
    "+": () => zoom(1.15), "=": () => zoom(1.15), "-": () => zoom(1 / 1.15), "0": reset,
  };
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || !keys[event.key]) return;
    event.preventDefault();
    box.dataset.used = "yes";
    keys[event.key]();
  });

  const modes = [...box.querySelectorAll("[data-mode]")];
  modes.forEach((button) => button.addEventListener("click", () => {
    state.mode = button.dataset.mode;
    press(modes, button);
    draw();
  }));
  slider.addEventListener("input", () => { stop(); show(Number(slider.value)); });
  play.addEventListener("click", () => (state.playing ? stop() : start()));
  box.querySelector("[data-act=in]").addEventListener("click", () => zoom(1.25));
  box.querySelector("[data-act=out]").addEventListener("click", () => zoom(0.8));
  box.querySelector("[data-act=reset]").addEventListener("click", reset);

  box.dataset.live = "yes";
  new ResizeObserver(draw).observe(canvas);
  choose(0);
})();
