// Stands in for the script of virtual backgrounds where the server was built without it: every call is refused at once.
if (typeof VirtualBackground === 'undefined') {
  globalThis.VirtualBackground = {
    VirtualBackground: class {
      static SOURCE_VIDEO_PREFIX = 'virtual-background-source-';

      static hideHtmlElement() {}

      static appendHtmlElementToHiddenContainer() {}

      /** @param {{ inputVideo?: HTMLVideoElement }} parameters */
      constructor({ inputVideo } = {}) {
        this.inputVideo = inputVideo;
      }

      backgroundBlur() {
        return this.refuse();
      }

      backgroundImage() {
        return this.refuse();
      }

      updateValues() {
        return this.refuse();
      }

      cleanUp() {}

      /** The client forgets its copy of the camera's track, which would leave the camera on. */
      refuse() {
        for (const track of this.inputVideo?.srcObject?.getTracks() ?? []) track.stop();
        return Promise.reject({
          name: 'VIRTUAL_BACKGROUND_ERROR',
          message:
            'Virtual backgrounds were not built into this server: "make build" does (it needs Node)',
        });
      }
    },
  };
}
