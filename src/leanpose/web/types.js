/**
 * The shapes of what the modules hand each other. Types alone: nothing runs here.
 *
 * Coordinates are those of leanpose/core/geometry.py: pixel centres at integers, so that an image of width W covers
 * [-0.5, W - 0.5]. Points lie in flat arrays x, y, x, y.
 *
 * @typedef {[number, number, number, number]} Box x1, y1, x2, y2 in image pixels.
 * @typedef {[number, number, number, number, number]} ScoredBox a box, and its score in [0, 1].
 *
 * @typedef {object} Pixels an image as a canvas gives it.
 * @property {Uint8ClampedArray | Uint8Array} data height * width * 4: red, green, blue, opacity.
 * @property {number} width
 * @property {number} height
 *
 * @typedef {object} Transform from image to crop pixels, per axis: x' = zoomX * x + shiftX. The page turns nothing.
 * @property {number} zoomX
 * @property {number} zoomY
 * @property {number} shiftX
 * @property {number} shiftY
 *
 * @typedef {object} Skeleton as leanpose's JSON has it; `parts` are the model's joints that each joint is the mean of.
 * @property {string} name
 * @property {string[]} joints
 * @property {[string, string][]} limbs
 * @property {number[] | null} sigmas
 * @property {[string, string]} torso
 * @property {string[][]} [parts]
 *
 * @typedef {object} Curves see leanpose/engines/calibration.py.
 * @property {number} intercept
 * @property {number} slope
 * @property {number} scale
 * @property {number} peak_power
 * @property {number} spread_power
 *
 * @typedef {object} ModelCard the fields of a pose model's card that are used here.
 * @property {string} name
 * @property {Skeleton} skeleton
 * @property {[number, number]} input_hw
 * @property {number} sigma
 * @property {"bgr" | "rgb"} color
 * @property {number[]} mean
 * @property {number[]} std
 * @property {number} padding
 * @property {number} stride
 * @property {number} cell_offset
 * @property {{curves: Curves} | null} calibration
 * @property {number[]} oks_sigmas one for each joint, also where the skeleton has none.
 *
 * @typedef {object} DetectorCard the fields of a detector's card that are used here.
 * @property {string} name
 * @property {number} input_side
 * @property {number} input_multiple
 * @property {number} margin
 * @property {"bgr" | "rgb"} color
 * @property {number[]} mean
 * @property {number[]} std
 * @property {number} threshold
 * @property {number} nms_iou
 *
 * @typedef {object} Person
 * @property {Float64Array} keypoints K * 2, NaN where a joint was not found.
 * @property {Float64Array} scores K, in [0, 1].
 * @property {Float64Array | null} uncertainties K, pixels; null without a calibration.
 * @property {Box} box
 * @property {number} boxScore
 * @property {number | null} id
 *
 * @typedef {object} Body what people are compared by.
 * @property {Float64Array} keypoints
 * @property {boolean[]} known the joints that may be trusted.
 * @property {Box} box the person's extent.
 *
 * @typedef {Record<string, number>} Stages milliseconds by stage.
 *
 * @typedef {object} Found the people of a picture or frame.
 * @property {string | null} source
 * @property {number} [frame]
 * @property {number} [time] seconds.
 * @property {number} width
 * @property {number} height
 * @property {Person[]} people
 * @property {Stages} stages
 *
 * @typedef {object} Manifest what `leanpose export --web` writes beside the page.
 * @property {string} version of leanpose.
 * @property {{name: string, file: string, card: ModelCard, megabytes: number}[]} models
 * @property {{name: string, file: string, card: DetectorCard}} detector
 * @property {Skeleton[]} skeletons
 * @property {string[]} runtime its files, as addresses below the page's.
 *
 * @typedef {(crops: Float32Array, count: number) => Promise<Float32Array>} InferPoses normalised crops (N, 3, h, w) to
 *     heatmaps (N, K, h / stride, w / stride).
 * @typedef {(image: Float32Array, height: number, width: number) => Promise<Float32Array>} InferBoxes a normalised
 *     image (1, 3, height, width) to candidates (M, 5) in its pixels.
 */
export {};
